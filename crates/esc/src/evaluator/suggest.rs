//! Suggestions for misspelled names ("did you mean …").

/// Finds the candidate with the smallest edit distance to `name`, ignoring case and underscores. The
/// distance must be less than half the length of the name.
#[must_use]
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let folded = fold(name);
    let mut limit = folded.len().div_ceil(2);
    let mut nearest = None;
    let mut work = MAXIMUM_WORK;
    for candidate in candidates {
        if work == 0 {
            break;
        }
        work = work.saturating_sub(SKIP_COST);
        // The distance is at least the difference in length, which rules most names out before folding.
        let length = candidate.bytes().filter(|byte| *byte != b'_').count();
        let is_too_far = length.abs_diff(folded.len()) >= limit || length > MAXIMUM_LENGTH;
        if is_too_far && candidate.is_ascii() {
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

/// How many pairs of bytes are compared for one name. Every misspelled name is compared with all names of
/// the object, which would be quadratic in a large object. This is enough for two thousand names of ten
/// bytes.
const MAXIMUM_WORK: usize = 250_000;

/// The cost of a candidate that is ruled out by its length.
const SKIP_COST: usize = 25;

/// Names longer than this, in bytes, are not compared, because the work is quadratic in the length.
const MAXIMUM_LENGTH: usize = 256;

fn fold(name: &str) -> Vec<u8> {
    let characters = name.chars().filter(|c| *c != '_');
    characters
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .into_bytes()
}

/// The edit distance of two names, ignoring case and underscores.
pub(super) fn folded_distance(one: &str, other: &str) -> usize {
    distance(&fold(one), &fold(other))
}

/// The Levenshtein distance in bytes.
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
    fn the_nearest_name_is_suggested_if_it_is_near_enough() {
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
        // Distance 6, limit 3.
        assert_eq!(distance(b"keyid", b"accesskeyid"), 6);
        assert_eq!(nearest("ab", ["a"]), None);
        assert_eq!(nearest("abc", ["abd"]), Some("abd"));
        let mut many = vec!["abcdefghij"; 1_500];
        many.push("accessKeyId");
        assert_eq!(nearest("accessKeyID", many), Some("accessKeyId"));
    }
}
