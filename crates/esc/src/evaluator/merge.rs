//! Merges values: imports over each other, and an environment's own values over its imports.
//!
//! Objects merge property by property; any other value, `null` included, replaces what is below it.

use std::rc::Rc;

use crate::evaluator::limits::Budget;
use crate::evaluator::schema::{Schema, Type};
use crate::evaluator::value::{Base, EvalValue, InheritedListing, Properties, Property, ValueKind};

/// The cost of a merge, which allocates an object.
const STEPS_PER_MERGE: usize = 8;

/// Merges `top` over `base`. Neither changes.
pub(super) fn merge(
    budget: &mut Budget,
    top: &Rc<EvalValue>,
    base: &Rc<EvalValue>,
) -> Rc<EvalValue> {
    merge_with(budget, top, base, merge_properties)
}

/// Merges an object whose properties are already merged over those of `base` with the same names.
/// Merging them again would change nothing, and take time for each level of nesting.
pub(super) fn inherit(
    budget: &mut Budget,
    top: &Rc<EvalValue>,
    base: &Rc<EvalValue>,
) -> Rc<EvalValue> {
    merge_with(budget, top, base, |_, properties, _| properties.clone())
}

/// Merges a sequence of values, each over those before it.
///
/// Merging is associative. Each value is merged with one that results from as many values, so that a
/// thousand values are copied ten times each, not a thousand times.
#[derive(Default)]
pub(super) struct MergeStack {
    /// Merged values, and the number of values that each results from: fewer from bottom to top.
    merged: Vec<(usize, Rc<EvalValue>)>,
}

impl MergeStack {
    pub(super) fn push(&mut self, budget: &mut Budget, top: Rc<EvalValue>) {
        let (mut count, mut top) = (1, top);
        while let Some((below, base)) = self.merged.pop_if(|(below, _)| *below == count) {
            top = merge(budget, &top, &base);
            count += below;
        }
        self.merged.push((count, top));
    }

    /// The result; `None` if there were no values.
    pub(super) fn finish(mut self, budget: &mut Budget) -> Option<Rc<EvalValue>> {
        let (_, mut top) = self.merged.pop()?;
        while let Some((_, base)) = self.merged.pop() {
            top = merge(budget, &top, &base);
        }
        Some(top)
    }
}

fn merge_with(
    budget: &mut Budget,
    top: &Rc<EvalValue>,
    base: &Rc<EvalValue>,
    merge_properties: fn(&mut Budget, &Properties, &Rc<EvalValue>) -> Properties,
) -> Rc<EvalValue> {
    if !budget.spend_steps(STEPS_PER_MERGE) {
        return Rc::clone(top);
    }
    let mut object_schema = None;
    if let Some(schema) = top.own_schema()
        && schema.rules().kind == Some(Type::Object)
    {
        let (merged, steps) = Schema::merged(&base.schema(), schema);
        budget.spend_steps(steps);
        object_schema = Some(merged);
    }
    let kind = match &top.kind {
        ValueKind::Object {
            properties,
            base: Base::Open(lowest),
        } => {
            let properties = merge_properties(budget, properties, base);
            object_over(budget, properties, lowest.as_ref(), base)
        }
        ValueKind::Object {
            properties,
            base: Base::Unknown(unknown),
        } => ValueKind::Object {
            properties: Rc::clone(properties),
            base: Base::Unknown(merge(budget, unknown, base)),
        },
        _ if object_schema.is_none() => return Rc::clone(top),
        kind => kind.clone(),
    };
    let mut merged = EvalValue::new(kind).with_secret(top.secret);
    if let Some(schema) = object_schema.or_else(|| top.own_schema().cloned()) {
        merged = if top.unknown {
            merged.into_unknown(schema)
        } else {
            merged.with_schema(schema)
        };
    }
    if top.inherited == InheritedListing::Hidden {
        merged.inherited = InheritedListing::Hidden;
    }
    merged.set_final(top.is_final());
    merged.set_provider(top.provider());
    merged.origin = top.origin;
    merged.literal = top.literal;
    Rc::new(merged)
}

/// Merges properties over those of `base` with the same names.
fn merge_properties(
    budget: &mut Budget,
    properties: &Properties,
    base: &Rc<EvalValue>,
) -> Properties {
    budget.spend_steps(properties.len());
    let mut merged = properties.clone();
    for (name, property) in merged.iter_mut() {
        if let Some(base) = base.property(name) {
            property.value = merge(budget, &property.value, &base);
        }
    }
    merged
}

/// The object with these properties, and with those that it inherits from `base`. `lowest` is the
/// lowest object that it was merged over before.
fn object_over(
    budget: &mut Budget,
    mut properties: Properties,
    lowest: Option<&Rc<EvalValue>>,
    base: &Rc<EvalValue>,
) -> ValueKind {
    let base = match &base.kind {
        ValueKind::Object {
            properties: inherited,
            base: base_of_base,
        } => {
            let inherited = inherited.iter().take_while(|_| budget.spend_steps(1));
            properties.add_new(inherited.map(|(name, property)| {
                let property = Property {
                    value: Rc::clone(&property.value),
                    is_own: false,
                    is_unknown: property.is_unknown || base.unknown,
                };
                (Rc::clone(name), property)
            }));
            let lowest_of =
                |lowest: &Option<_>| Some(lowest.clone().unwrap_or_else(|| Rc::clone(base)));
            match base_of_base {
                Base::Open(lowest) => Base::Open(lowest_of(lowest)),
                Base::Closed(lowest) => Base::Closed(lowest_of(lowest)),
                Base::Unknown(unknown) => Base::Unknown(Rc::clone(unknown)),
            }
        }
        _ if base.unknown => Base::Unknown(Rc::clone(base)),
        _ => Base::Closed(lowest.cloned()),
    };
    ValueKind::Object {
        properties: Rc::new(properties),
        base,
    }
}
