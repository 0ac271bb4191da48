//! [`baton_fuzz::api`] under libFuzzer, or, where that is not linked, with the files that are named.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| baton_fuzz::api::run(bytes));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    baton_fuzz::replay(baton_fuzz::api::TARGET)
}
