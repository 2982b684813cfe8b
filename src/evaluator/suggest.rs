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
    for candidate in candidates.into_iter().take(MAXIMUM_CANDIDATES) {
        let other = fold(candidate);
        // The distance is at least the difference in length.
        if other.len().abs_diff(folded.len()) >= limit || other.len() > MAXIMUM_LENGTH {
            continue;
        }
        let distance = distance(&folded, &other);
        if distance < limit {
            limit = distance;
            nearest = Some(candidate);
        }
    }
    nearest
}

/// No more candidates than these are looked at: each mistake would cost a look at all names.
const MAXIMUM_CANDIDATES: usize = 1_000;

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
    }
}
