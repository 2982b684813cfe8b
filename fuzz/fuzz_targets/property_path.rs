//! Property paths: any path prints as it is read, and selects the value that it was made for.

#![no_main]

use arbitrary::Arbitrary;
use esc::property_path::Accessor;
use esc::{Data, Environment, PropertyPath, Value};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    steps: Vec<Step<'a>>,
    text: &'a str,
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Name(&'a str),
    Index(u8),
}

fuzz_target!(|input: Input<'_>| {
    match input.text.parse::<PropertyPath>() {
        Ok(path) => check(&path),
        Err(error) => {
            let position: usize = error
                .to_string()
                .rsplit(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert!(
                (1..=input.text.chars().count() + 1).contains(&position),
                "{error}"
            );
        }
    }
    if !input.steps.is_empty() {
        let steps = input.steps.into_iter().map(|step| match step {
            Step::Name(name) => Accessor::Name(name.to_owned()),
            Step::Index(index) => Accessor::Index(index.into()),
        });
        check(&steps.collect());
    }
});

fn check(path: &PropertyPath) {
    let printed = path.to_string();
    assert_eq!(printed.parse().as_ref(), Ok(path), "{printed:?}");
    assert!(!path.accessors().is_empty());
    // A value with a leaf at this path.
    let mut value = Value::from("leaf");
    for accessor in path.accessors().iter().rev() {
        value = Value::new(match accessor {
            Accessor::Name(name) => Data::Object([(name.clone(), value)].into()),
            Accessor::Index(index) if *index < 1_000 => {
                let mut items = vec![Value::unknown(); *index];
                items.push(value);
                Data::Array(items)
            }
            Accessor::Index(_) => return,
        });
    }
    let environment = Environment { values: value };
    assert_eq!(environment.get(path).and_then(Value::as_str), Some("leaf"));
    let longer = path.join(Accessor::Index(0));
    assert_eq!(environment.get(&longer), None);
}
