//! What becomes of a value that lies over another: imports, and an environment's own values over
//! them.
//!
//! Objects merge, entry by entry; everything else replaces. `null` is a value like any other.

use std::rc::Rc;

use crate::evaluator::limits::Budget;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::{Computed, Entries, Entry, Shape, Under};

/// What a merge costs: it makes a new object where others only refer to one.
const STEPS_PER_MERGE: usize = 8;

/// `top` over `base`. Neither is changed.
pub(super) fn merge(budget: &mut Budget, top: &Rc<Computed>, base: &Rc<Computed>) -> Rc<Computed> {
    merge_with(budget, top, base, merge_entries)
}

/// The same for an object whose entries already lie over those of `base` with the same names.
/// Merging them again would change nothing, and cost their size once for each level above them.
pub(super) fn inherit(
    budget: &mut Budget,
    top: &Rc<Computed>,
    base: &Rc<Computed>,
) -> Rc<Computed> {
    merge_with(budget, top, base, |_, entries, _| entries.clone())
}

fn merge_with(
    budget: &mut Budget,
    top: &Rc<Computed>,
    base: &Rc<Computed>,
    merge_entries: fn(&mut Budget, &Entries, &Rc<Computed>) -> Entries,
) -> Rc<Computed> {
    if !budget.spend_steps(STEPS_PER_MERGE) {
        return Rc::clone(top);
    }
    let stated = top
        .schema
        .as_ref()
        .filter(|schema| schema.rules().kind == Some(Type::Object))
        .map(|schema| {
            let (merged, seen) = Schema::merged(&base.schema(), schema);
            budget.spend_steps(seen);
            merged
        });
    let shape = match &top.shape {
        Shape::Object {
            entries,
            under: Under::Open(bottom),
        } => {
            let entries = merge_entries(budget, entries, base);
            over(budget, entries, bottom.as_ref(), base)
        }
        Shape::Object {
            entries,
            under: Under::Unknown(under),
        } => Shape::Object {
            entries: Rc::clone(entries),
            under: Under::Unknown(merge(budget, under, base)),
        },
        _ if stated.is_none() => return Rc::clone(top),
        shape => shape.clone(),
    };
    let mut merged = Computed::new(shape).with_secret(top.secret);
    if let Some(schema) = stated.or_else(|| top.schema.clone()) {
        merged = if top.unknown {
            merged.into_unknown(schema)
        } else {
            merged.with_schema(schema)
        };
    }
    if top.hides_inherited {
        merged = merged.hiding_inherited();
    }
    Rc::new(Computed {
        is_final: top.is_final,
        provider: top.provider.clone(),
        origin: top.origin.clone(),
        literal: top.literal.clone(),
        ..merged
    })
}

/// The entries of an object over those of `base` with the same names.
fn merge_entries(budget: &mut Budget, entries: &Entries, base: &Rc<Computed>) -> Entries {
    budget.spend_steps(entries.len());
    let mut merged = entries.clone();
    for (name, entry) in &mut merged {
        if let Some(base) = base.property(name) {
            entry.value = merge(budget, &entry.value, &base);
        }
    }
    merged
}

/// The object of `entries` over `base`, with what else `base` has.
fn over(
    budget: &mut Budget,
    mut entries: Entries,
    bottom: Option<&Rc<Computed>>,
    base: &Rc<Computed>,
) -> Shape {
    let under = match &base.shape {
        Shape::Object {
            entries: inherited,
            under,
        } => {
            for (name, entry) in inherited.iter() {
                if !budget.spend_steps(1) {
                    break;
                }
                entries.entry(Rc::clone(name)).or_insert_with(|| Entry {
                    value: Rc::clone(&entry.value),
                    own: false,
                });
            }
            match under {
                Under::Open(bottom) => {
                    Under::Open(bottom.clone().or_else(|| Some(Rc::clone(base))))
                }
                Under::Closed(bottom) => {
                    Under::Closed(bottom.clone().or_else(|| Some(Rc::clone(base))))
                }
                Under::Unknown(under) => Under::Unknown(Rc::clone(under)),
            }
        }
        _ if base.unknown => Under::Unknown(Rc::clone(base)),
        _ => Under::Closed(bottom.cloned()),
    };
    Shape::Object {
        entries: Rc::new(entries),
        under,
    }
}
