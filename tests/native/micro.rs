//! What the micro-benchmarks measure happens: every case is run, and does what it says.

#[path = "../../benches/micro/cases.rs"]
mod cases;

#[test]
fn every_case_of_the_micro_benchmarks_does_what_it_is_measured_for() {
    let all = cases::all();
    assert!(all.len() >= 10, "{}", all.len());
    for mut case in all {
        // Twice, because a case is run again and again.
        assert_eq!([case.run(), case.run()], [case.expected; 2], "{}", case.name);
    }
    let mut other = cases::verification_of(1);
    assert_eq!((other.run(), other.bytes), (1, 1));
}
