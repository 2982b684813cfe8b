use super::*;

fn seal(secret: &str, key: &[u8]) -> Seal {
    let mut login = LoginSecrets::default();
    login.add("token", Some(secret.as_bytes()));
    Seal::new(&login, &Sha256::of(key))
}

#[test]
fn only_the_same_login_and_key_decrypt_a_file() {
    let own = seal("hunter2", b"q");
    let sealed = own.seal(Purpose::Entry, b"{}", b"content").unwrap();
    let open = |seal: &Seal, purpose| {
        let mut sealed = sealed.clone();
        seal.open(purpose, &mut sealed).map(<[u8]>::to_vec)
    };
    assert_eq!(open(&own, Purpose::Entry).unwrap(), b"content");
    assert_eq!(
        open(&seal("hunter2", b"q"), Purpose::Entry).unwrap(),
        b"content"
    );
    assert_eq!(open(&own, Purpose::Failure), None);
    assert_eq!(open(&seal("hunter3", b"q"), Purpose::Entry), None);
    assert_eq!(open(&seal("hunter2", b"r"), Purpose::Entry), None);
    assert!(!sealed.windows(7).any(|part| part == b"content"));
    let again = own.seal(Purpose::Entry, b"{}", b"content").unwrap();
    assert_ne!(sealed, again);
}

#[test]
fn every_file_is_needed_to_decrypt() {
    let file = |content: Option<&[u8]>| FileDigest {
        path: "/env.yaml".into(),
        digest: content.map(Sha256::of),
    };
    let own = seal("hunter2", b"q");
    let lists = [
        vec![],
        vec![file(None)],
        vec![file(Some(b""))],
        vec![file(Some(b"key"))],
        vec![file(Some(b"key")), file(None)],
        vec![file(None), file(Some(b"key"))],
    ];
    for (index, files) in lists.iter().enumerate() {
        let sealed = own
            .with_files(files)
            .seal(Purpose::Entry, b"{}", b"content");
        let sealed = sealed.unwrap();
        for (other, files) in lists.iter().enumerate() {
            let mut sealed = sealed.clone();
            let seal = own.with_files(files);
            let opened = seal.open(Purpose::Entry, &mut sealed);
            assert_eq!(opened.is_some(), index == other, "{index} {other}");
        }
    }
}

#[test]
fn no_byte_can_be_changed_added_or_removed() {
    let own = seal("hunter2", b"q");
    let sealed = own.seal(Purpose::Entry, b"{\"a\":1}", b"content").unwrap();
    let opens = |mut bytes: Vec<u8>| own.open(Purpose::Entry, &mut bytes).is_some();
    assert!(opens(sealed.clone()));
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1 << bit;
            assert!(!opens(flipped), "byte {at}, bit {bit}");
        }
        assert!(!opens(sealed[..at].to_vec()), "{at} bytes");
        assert!(!opens(sealed[at + 1..].to_vec()), "from byte {at} on");
    }
    assert!(!opens([sealed.as_slice(), b"x"].concat()));
}

/// Made with another implementation, Python's `cryptography`.
#[test]
fn files_have_the_documented_format() {
    let own = seal("hunter2", b"q");
    assert_eq!(own.id(), "838bdac013219f254bc71ee61972215b");
    let salt_and_nonce: Vec<u8> = (0..28).collect();
    let ciphertext = b"\x0c\x1e\x2d\xa7\x2f\x90\xc8\x89\x1f\x4e\x40\x4b\xe0\x4d\x3d\x71\x6f\xbc\xd4\xab\x5b\x82\xa5";
    let mut sealed = [b"{\"a\":1}\n", salt_and_nonce.as_slice(), ciphertext].concat();
    assert_eq!(own.open(Purpose::Entry, &mut sealed).unwrap(), b"content");
}

#[test]
fn each_login_and_key_has_another_id() {
    let ids = [
        seal("hunter2", b"q").id(),
        seal("hunter3", b"q").id(),
        seal("hunter2", b"r").id(),
    ];
    assert_eq!(ids[0], seal("hunter2", b"q").id());
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
    assert_eq!(ids[0].len(), 32);
}

#[test]
fn lists_of_secrets_cannot_collide() {
    let login = |secrets: &[(&str, Option<&str>)]| {
        let mut login = LoginSecrets::default();
        for (name, secret) in secrets {
            login.add(name, secret.map(str::as_bytes));
        }
        Seal::new(&login, &Sha256::of(b"q")).id()
    };
    let ids = [
        login(&[]),
        login(&[("a", None)]),
        login(&[("a", Some(""))]),
        login(&[("a", Some("bc"))]),
        login(&[("ab", Some("c"))]),
        login(&[("a", Some("b")), ("c", None)]),
    ];
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[index + 1..].contains(id), "{index}");
    }
}
