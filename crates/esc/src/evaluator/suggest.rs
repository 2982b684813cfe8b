//! Did you mean …?

/// The candidate that `name` most likely stands for: the nearest by edit distance, case and
/// underscores aside, where that is less than half the name's length.
pub(super) fn nearest<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let folded = fold(name);
    let mut limit = folded.len().div_ceil(2);
    let mut nearest = None;
    let mut work = MAXIMUM_WORK;
    for candidate in candidates {
        if work == 0 {
            break;
        }
        work = work.saturating_sub(COST_OF_A_LOOK);
        // The distance is at least the difference in length. Few names come so far as to be folded.
        let length = candidate.bytes().filter(|byte| *byte != b'_').count();
        let is_far = length.abs_diff(folded.len()) >= limit || length > MAXIMUM_LENGTH;
        if is_far && candidate.is_ascii() {
            continue;
        }
        let other = fold(candidate);
        if other.len().abs_diff(folded.len()) >= limit || other.len() > MAXIMUM_LENGTH {
            continue;
        }
        work = work.saturating_sub((folded.len() + 1) * (other.len() + 1));
        let distance = distance(&folded, &other);
        if distance < limit {
            limit = distance;
            nearest = Some(candidate);
        }
    }
    nearest
}

/// How many pairs of bytes are compared at most for one name. Each mistake costs a look at all
/// names, so that mistakes in a large object would cost the square of its size. This is enough for
/// two thousand names of ten bytes.
const MAXIMUM_WORK: usize = 250_000;

/// What a name costs that is not compared.
const COST_OF_A_LOOK: usize = 25;

/// Names longer than this, in bytes, are not compared: the work grows with the square.
const MAXIMUM_LENGTH: usize = 256;

fn fold(name: &str) -> Vec<u8> {
    let characters = name.chars().filter(|c| *c != '_');
    characters
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .into_bytes()
}

/// The distance of two names, case and underscores aside.
pub(super) fn folded_distance(one: &str, other: &str) -> usize {
    distance(&fold(one), &fold(other))
}

/// The Levenshtein distance: how many bytes to insert, delete or replace.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let common = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[common..], &other[common..]);
    if one.len() > MAXIMUM_LENGTH || other.len() > MAXIMUM_LENGTH {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_only_if_it_is_near() {
        let names = ["accessKeyId", "secretAccessKey", "sessionToken"];
        for (name, want) in [
            ("accessKeyID", Some("accessKeyId")),
            ("access_key_id", Some("accessKeyId")),
            ("sesionTokn", Some("sessionToken")),
            ("keyId", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, names), want, "{name}");
        }
        // The facts' example: distance 6, limit 3.
        assert_eq!(distance(b"keyid", b"accesskeyid"), 6);
        assert_eq!(nearest("ab", ["a"]), None);
        assert_eq!(nearest("abc", ["abd"]), Some("abd"));
        let mut many = vec!["abcdefghij"; 1_500];
        many.push("accessKeyId");
        assert_eq!(nearest("accessKeyID", many), Some("accessKeyId"));
    }
}
