//! Timestamps against known values.

use encodings::timestamp;

#[test]
fn timestamps_are_written_as_in_aws() {
    for (seconds, compact, date) in [
        (0, "19700101T000000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        (
            1_682_640_000,
            "20230428T000000Z",
            "Fri, 28 Apr 2023 00:00:00 GMT",
        ),
        (
            951_782_400,
            "20000229T000000Z",
            "Tue, 29 Feb 2000 00:00:00 GMT",
        ),
        (
            1_735_689_599,
            "20241231T235959Z",
            "Tue, 31 Dec 2024 23:59:59 GMT",
        ),
        (
            4_107_542_400,
            "21000301T000000Z",
            "Mon, 01 Mar 2100 00:00:00 GMT",
        ),
    ] {
        assert_eq!(timestamp::compact(seconds), compact);
        assert_eq!(timestamp::parse_compact(compact), Some(seconds));
        assert_eq!(timestamp::http_date(seconds), date);
    }
    for text in [
        "",
        "20230229T000000Z",
        "20230428T240000Z",
        "20230428 000000Z",
        "20230428T000000",
    ] {
        assert_eq!(timestamp::parse_compact(text), None, "{text}");
    }
}
