//! The arithmetic of a measurement: medians, how far they spread, and ratios pair by pair.
//!
//! Invariant: two subjects are compared within one round only, where the machine was the same for both; the ratios of all
//! rounds are then summed up like any other figure.
//!
//! Deliberately not here: means. One round in which the machine did something else would move them.

use std::fmt;

/// What a figure came to over all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median: f64::midpoint(low, high), min, max })
    }
}

/// A figure with as many digits as say something: three, and never a part of a hundred.
pub fn readable(value: f64) -> String {
    match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => with_commas(value),
    }
}

fn with_commas(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut shown = String::from(if value < 0.0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

impl fmt::Display for Spread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = format!("{} ({}–{})", readable(self.median), readable(self.min), readable(self.max));
        formatter.pad(&shown)
    }
}

/// The ratios of figures that were taken in the same round: each is named by its round.
pub fn ratios(over: &[(usize, f64)], under: &[(usize, f64)]) -> Option<Spread> {
    let ratio = |(round, over): &(usize, f64)| {
        let (_, under) = under.iter().find(|(other, _)| other == round)?;
        (*under > 0.0).then_some(over / under)
    };
    Spread::of(over.iter().filter_map(ratio))
}

/// What figures that were taken in the same round are more than others.
pub fn differences(of: &[(usize, f64)], less: &[(usize, f64)]) -> Option<Spread> {
    let difference =
        |(round, of): &(usize, f64)| less.iter().find(|(other, _)| other == round).map(|(_, less)| of - less);
    Spread::of(of.iter().filter_map(difference))
}

/// The value within which such a part of all lies; they are sorted.
pub fn within<T: Copy>(sorted: &[T], part: f64) -> Option<T> {
    let last = sorted.len().checked_sub(1)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    let at = (last as f64 * part).ceil() as usize;
    sorted.get(at.min(last)).copied()
}

#[cfg(test)]
mod tests {
    use super::{Spread, differences, ratios, within};

    #[test]
    fn a_median_is_in_the_middle_of_all_and_between_two() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]), Some(Spread { median: 3.0, min: 3.0, max: 3.0 }));
        assert_eq!(spread(&[9.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 9.0 }));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 9.0]), Some(Spread { median: 3.0, min: 1.0, max: 9.0 }));
    }

    #[test]
    fn what_is_compared_was_measured_in_the_same_round() {
        // In the second round the machine was half as fast, for both.
        let (over, under) = ([(0, 30.0), (1, 15.0), (2, 40.0)], [(1, 10.0), (0, 20.0), (3, 1.0)]);
        assert_eq!(ratios(&over, &under), Some(Spread { median: 1.5, min: 1.5, max: 1.5 }));
        assert_eq!(ratios(&over, &[(0, 0.0)]), None, "nothing is so many times nothing");
        assert_eq!(ratios(&over, &[]), None);
        assert_eq!(differences(&over, &under), Some(Spread { median: 7.5, min: 5.0, max: 10.0 }));
    }

    #[test]
    fn a_figure_has_three_digits_or_all_of_a_large_number() {
        let spread = |median, min, max| Spread { median, min, max }.to_string();
        assert_eq!(spread(0.102, 0.0, 9.994), "0.10 (0.00–9.99)");
        assert_eq!(spread(9.999, 99.94, 99.96), "10.0 (99.9–100)");
        assert_eq!(spread(1_234_567.8, -1_000.0, 999.4), "1,234,568 (-1,000–999)");
    }

    #[test]
    fn ninety_nine_of_a_hundred_lie_within_the_ninety_ninth() {
        let hundred: Vec<u32> = (0..101).collect();
        assert_eq!(
            (within(&hundred, 0.5), within(&hundred, 0.99), within(&hundred, 1.0)),
            (Some(50), Some(99), Some(100))
        );
        assert_eq!((within(&[7], 0.99), within::<u32>(&[], 0.5)), (Some(7), None));
    }
}
