//! Finds many texts in a stream, as Aho and Corasick do: one step a byte, whatever the number of
//! texts.
//!
//! It tells two things that a finder of whole matches does not: the longest text that ends at a byte,
//! and how many of the last bytes may still become part of one.

use std::collections::BTreeSet;

/// The root, and "none" where a node cannot be the root.
const ROOT: u32 = 0;

/// The place in the automaton after the bytes read so far.
pub(super) type State = u32;

/// The automaton.
pub(super) struct Automaton {
    nodes: Vec<Node>,
    /// The children of the root, by byte: most steps start there.
    first: [u32; 256],
}

/// A node stands for a beginning of one or more texts.
struct Node {
    byte: u8,
    first_child: u32,
    next_sibling: u32,
    /// The longest proper ending of this beginning that is a beginning too.
    failure: u32,
    /// The nearest node on the way of failures at which a text ends, from the next one on.
    ending: u32,
    depth: u32,
    /// Whether a text ends here.
    is_end: bool,
    /// How many of the last bytes may become part of a text that has not ended yet.
    pending: u32,
    /// The number of the first text that ends here.
    text: u32,
}

impl Automaton {
    /// An automaton for `texts`; those that are empty are left out. There must not be 2³² bytes.
    pub(super) fn new<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut automaton = Self {
            nodes: vec![Node::new(0, 0)],
            first: [ROOT; 256],
        };
        for (number, text) in (0..).zip(texts) {
            automaton.add(text, number);
        }
        automaton.link();
        automaton
    }

    /// The state before the first byte.
    pub(super) const START: State = ROOT;

    /// The state after one more byte.
    pub(super) fn step(&self, state: State, byte: u8) -> State {
        let mut state = state;
        loop {
            if state == ROOT {
                return self.first[usize::from(byte)];
            }
            if let Some(child) = self.child(state, byte) {
                return child;
            }
            state = self.node(state).failure;
        }
    }

    /// The length of the longest text that ends here; 0 where none does.
    pub(super) fn longest_match(&self, state: State) -> usize {
        let node = self.node(state);
        let end = if node.is_end {
            node
        } else {
            self.node(node.ending)
        };
        end.depth as usize
    }

    /// How many of the last bytes may become part of a text that has not ended yet.
    pub(super) fn pending(&self, state: State) -> usize {
        self.node(state).pending as usize
    }

    /// The numbers of the texts that occur in one of `wholes`, in linear time. Of texts that are the
    /// same only the first one counts.
    pub(super) fn contained_in<'a>(
        &self,
        wholes: impl IntoIterator<Item = &'a [u8]>,
    ) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut seen = vec![false; self.nodes.len()];
        for whole in wholes {
            let mut state = Self::START;
            for byte in whole {
                state = self.step(state, *byte);
                let mut end = state;
                // What lies behind a node that was seen was seen with it.
                while end != ROOT && !std::mem::replace(&mut seen[end as usize], true) {
                    let node = self.node(end);
                    if node.is_end {
                        found.insert(node.text as usize);
                    }
                    end = node.ending;
                }
            }
        }
        found
    }

    fn add(&mut self, text: &[u8], number: u32) {
        let mut at = ROOT;
        for byte in text {
            let next = if at == ROOT {
                Some(self.first[usize::from(*byte)]).filter(|child| *child != ROOT)
            } else {
                self.child(at, *byte)
            };
            at = next.unwrap_or_else(|| self.add_child(at, *byte));
        }
        let node = &mut self.nodes[at as usize];
        if at != ROOT && !node.is_end {
            node.is_end = true;
            node.text = number;
        }
    }

    fn add_child(&mut self, parent: u32, byte: u8) -> u32 {
        // invariant: the caller bounds the number of bytes, hence of nodes.
        let new = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let mut node = Node::new(byte, self.node(parent).depth + 1);
        if parent == ROOT {
            self.first[usize::from(byte)] = new;
        }
        let parent = &mut self.nodes[parent as usize];
        node.next_sibling = std::mem::replace(&mut parent.first_child, new);
        self.nodes.push(node);
        new
    }

    /// Sets the failures, level by level, so that those of shorter beginnings are there before they
    /// are asked for.
    fn link(&mut self) {
        let mut level: Vec<u32> = self.first.into_iter().filter(|at| *at != ROOT).collect();
        while !level.is_empty() {
            let mut next_level = Vec::new();
            for at in level {
                let failure = self.node(at).failure;
                let behind = self.node(failure);
                let (ending, pending_behind) = if behind.is_end {
                    (failure, behind.pending)
                } else {
                    (behind.ending, behind.pending)
                };
                let node = &mut self.nodes[at as usize];
                node.ending = ending;
                node.pending = if node.first_child == ROOT {
                    pending_behind
                } else {
                    node.depth
                };
                let mut child = node.first_child;
                while child != ROOT {
                    let byte = self.node(child).byte;
                    self.nodes[child as usize].failure = self.step(failure, byte);
                    next_level.push(child);
                    child = self.node(child).next_sibling;
                }
            }
            level = next_level;
        }
    }

    fn child(&self, parent: u32, byte: u8) -> Option<u32> {
        let mut child = self.node(parent).first_child;
        while child != ROOT {
            let node = self.node(child);
            if node.byte == byte {
                return Some(child);
            }
            child = node.next_sibling;
        }
        None
    }

    fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }
}

impl Node {
    fn new(byte: u8, depth: u32) -> Self {
        Self {
            byte,
            first_child: ROOT,
            next_sibling: ROOT,
            failure: ROOT,
            ending: ROOT,
            depth,
            is_end: false,
            pending: 0,
            text: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn automaton(texts: &[&str]) -> Automaton {
        Automaton::new(texts.iter().map(|text| text.as_bytes()))
    }

    #[test]
    fn the_longest_end_and_the_open_bytes_are_told() {
        let automaton = automaton(&["he", "she", "hers", "shell"]);
        let mut state = Automaton::START;
        let mut told = Vec::new();
        for byte in *b"ushersshel!" {
            state = automaton.step(state, byte);
            told.push((automaton.longest_match(state), automaton.pending(state)));
        }
        let want = [
            (0, 0), // u
            (0, 1), // s
            (0, 2), // sh
            (3, 3), // she: may become shell
            (0, 3), // her
            (4, 1), // hers: its s may begin another
            (0, 1),
            (0, 2),
            (3, 3),
            (0, 4), // shel
            (0, 0),
        ];
        assert_eq!(told, want);
    }

    #[test]
    fn texts_that_occur_are_found_once() {
        let texts = ["a", "aa", "aaa", "b", "", "ab", "a"];
        let found = automaton(&texts).contained_in([&b"xaay"[..], b"xaax", b"ab"]);
        assert_eq!(found, BTreeSet::from([0, 1, 3, 5]));
    }
}
