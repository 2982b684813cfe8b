//! The order in which yaml.v3 writes the names of a map.

use std::cmp::Ordering;

/// Compares two names as yaml.v3 does: by characters, with letters after other characters and runs of
/// digits by their number.
pub(super) fn natural_order(one: &str, other: &str) -> Ordering {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut after_digit = false;
    for (index, (a, b)) in one.iter().zip(&other).enumerate() {
        if a == b {
            after_digit = is_digit(*a);
            continue;
        }
        return match (a.is_alphabetic(), b.is_alphabetic()) {
            (true, true) => a.cmp(b),
            (false, false) => by_number(&one, &other, index),
            (is_letter, _) if is_letter == after_digit => Ordering::Less,
            _ => Ordering::Greater,
        };
    }
    one.len().cmp(&other.len())
}

/// Compares two names that differ first at `index`, by the numbers that start there.
fn by_number(one: &[char], other: &[char], index: usize) -> Ordering {
    let (a, b) = (one[index], other[index]);
    // Zeros are significant in the middle of a number.
    let mut digits_before = one[..index].iter().rev().take_while(|c| is_digit(**c));
    let is_inside = (a == '0' || b == '0') && digits_before.any(|digit| *digit != '0');
    let number_and_length = |name: &[char]| {
        let digits = name[index..].iter().take_while(|c| is_digit(**c));
        let start = (i64::from(is_inside), 0_usize);
        digits.fold(start, |(number, length), digit| {
            let digit = i64::from(u32::from(*digit)) - i64::from(u32::from('0'));
            let number = number.wrapping_mul(10).wrapping_add(digit);
            (number, length + 1)
        })
    };
    number_and_length(one)
        .cmp(&number_and_length(other))
        .then_with(|| a.cmp(&b))
}

fn is_digit(character: char) -> bool {
    character.is_ascii_digit() || (!character.is_ascii() && character.is_numeric())
}
