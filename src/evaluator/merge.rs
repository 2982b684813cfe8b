//! What becomes of a value that lies over another: imports, and an environment's own values over
//! them.
//!
//! Objects merge, entry by entry; everything else replaces. `null` is a value like any other.

use std::rc::Rc;

use crate::evaluator::computed::{Computed, Entry, Shape};
use crate::evaluator::limits::Budget;
use crate::evaluator::schema::Type;

/// What a merge costs: it makes a new object where others only refer to one.
const STEPS_PER_MERGE: usize = 8;

/// `top` over `base`. Neither is changed.
pub(super) fn merge(budget: &mut Budget, top: &Rc<Computed>, base: &Rc<Computed>) -> Rc<Computed> {
    merge_with(budget, top, base, merge)
}

/// The same for an object whose entries already lie over those of `base` with the same names.
/// Merging them again would change nothing, and cost their size once for each level above them.
pub(super) fn inherit(
    budget: &mut Budget,
    top: &Rc<Computed>,
    base: &Rc<Computed>,
) -> Rc<Computed> {
    merge_with(budget, top, base, |_, top, _| Rc::clone(top))
}

fn merge_with(
    budget: &mut Budget,
    top: &Rc<Computed>,
    base: &Rc<Computed>,
    merge_entry: fn(&mut Budget, &Rc<Computed>, &Rc<Computed>) -> Rc<Computed>,
) -> Rc<Computed> {
    if !budget.spend_steps(STEPS_PER_MERGE) {
        return Rc::clone(top);
    }
    let shape = match &top.shape {
        Shape::Object {
            entries,
            base: under,
        } => match (under, &base.shape) {
            // What lies under a value that is not known stays under it.
            (Some(under), _) => Shape::Object {
                entries: entries.clone(),
                base: Some(merge(budget, under, base)),
            },
            (None, Shape::Unknown { schema, .. }) if schema.may_be(Type::Object) => Shape::Object {
                entries: entries.clone(),
                base: Some(Rc::clone(base)),
            },
            (
                None,
                Shape::Object {
                    entries: inherited,
                    base: under,
                },
            ) => {
                let mut entries = entries.clone();
                for (name, entry) in inherited {
                    if !budget.spend_steps(1) {
                        break;
                    }
                    if let Some(over) = entries.get_mut(name) {
                        over.value = merge_entry(budget, &over.value, &entry.value);
                    } else {
                        let value = Rc::clone(&entry.value);
                        entries.insert(Rc::clone(name), Entry { value, own: false });
                    }
                }
                Shape::Object {
                    entries,
                    base: under.clone(),
                }
            }
            // Nor does what lies under a value that is no object show through an object over both.
            (None, _) => Shape::Object {
                entries: entries.clone(),
                base: Some(Rc::clone(base)),
            },
        },
        Shape::Unknown {
            schema,
            base: under,
        } if schema.may_be(Type::Object) => Shape::Unknown {
            schema: schema.clone(),
            base: Some(match under {
                Some(under) => merge(budget, under, base),
                None => Rc::clone(base),
            }),
        },
        _ => return Rc::clone(top),
    };
    let merged = Computed::new(shape).with_secret(top.secret);
    Rc::new(Computed {
        is_final: top.is_final,
        provider: top.provider.clone(),
        ..merged
    })
}
