//! An Aho–Corasick automaton: finds many patterns in a stream with one step per byte, however many
//! patterns there are.
//!
//! Unlike a crate that returns whole matches, it reports after each byte the longest pattern that ends
//! there, and how many of the last bytes may still become part of a match.

use std::collections::BTreeSet;

/// The root; also "none" for links that never lead to the root. The default of a link.
const ROOT: u32 = 0;

/// The node that the bytes read so far lead to.
pub(super) type State = u32;

/// The automaton.
pub(super) struct Automaton {
    nodes: Vec<Node>,
    /// The children of the root by byte: most steps start at the root.
    root_children: [u32; 256],
}

/// A node represents a prefix of one or more patterns.
#[derive(Default)]
struct Node {
    byte: u8,
    first_child: u32,
    next_sibling: u32,
    /// The failure link: the longest proper suffix of this prefix that is a prefix too.
    failure: u32,
    /// The output link: the first node on the chain of failure links at which a pattern ends.
    output: u32,
    depth: u32,
    /// Whether a pattern ends here.
    is_match: bool,
    /// How many of the last bytes may still become part of a match.
    pending: u32,
    /// The index of the first pattern that ends here.
    pattern: u32,
}

impl Automaton {
    /// The state before the first byte.
    pub(super) const START: State = ROOT;

    /// Builds an automaton for `patterns`, without the empty ones. They must have fewer than 2³²
    /// bytes in total.
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut automaton = Self {
            nodes: vec![Node::default()],
            root_children: [ROOT; 256],
        };
        for (index, pattern) in (0..).zip(patterns) {
            automaton.add(pattern, index);
        }
        automaton.link();
        automaton
    }

    /// The state after one more byte.
    pub(super) fn step(&self, state: State, byte: u8) -> State {
        let mut state = state;
        loop {
            if state == ROOT {
                return self.root_children[usize::from(byte)];
            }
            if let Some(child) = self.child(state, byte) {
                return child;
            }
            state = self.node(state).failure;
        }
    }

    /// The length of the longest pattern that ends here; 0 if none does.
    pub(super) fn longest_match(&self, state: State) -> usize {
        let node = self.node(state);
        let end = if node.is_match {
            node
        } else {
            self.node(node.output)
        };
        end.depth as usize
    }

    /// How many of the last bytes may still become part of a match.
    pub(super) fn pending(&self, state: State) -> usize {
        self.node(state).pending as usize
    }

    /// The indices of the patterns that one of `texts` contains, in linear time. Of equal patterns,
    /// only the first index is returned.
    pub(super) fn contained_in<'a>(
        &self,
        texts: impl IntoIterator<Item = &'a [u8]>,
    ) -> BTreeSet<usize> {
        let mut contained = BTreeSet::new();
        let mut visited = vec![false; self.nodes.len()];
        for text in texts {
            let mut state = Self::START;
            for byte in text {
                state = self.step(state, *byte);
                let mut end = state;
                // The output links of a visited node were followed when it was visited.
                while end != ROOT && !std::mem::replace(&mut visited[end as usize], true) {
                    let node = self.node(end);
                    if node.is_match {
                        contained.insert(node.pattern as usize);
                    }
                    end = node.output;
                }
            }
        }
        contained
    }

    fn add(&mut self, pattern: &[u8], index: u32) {
        let mut at = ROOT;
        for byte in pattern {
            let next = if at == ROOT {
                Some(self.root_children[usize::from(*byte)]).filter(|child| *child != ROOT)
            } else {
                self.child(at, *byte)
            };
            at = next.unwrap_or_else(|| self.add_child(at, *byte));
        }
        let node = &mut self.nodes[at as usize];
        if at != ROOT && !node.is_match {
            node.is_match = true;
            node.pattern = index;
        }
    }

    fn add_child(&mut self, parent: u32, byte: u8) -> u32 {
        // invariant: the caller limits the number of bytes, and so of nodes.
        let new = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let mut node = Node {
            byte,
            depth: self.node(parent).depth + 1,
            ..Node::default()
        };
        if parent == ROOT {
            self.root_children[usize::from(byte)] = new;
        }
        let parent = &mut self.nodes[parent as usize];
        node.next_sibling = std::mem::replace(&mut parent.first_child, new);
        self.nodes.push(node);
        new
    }

    /// Sets the links level by level, because a node's links depend on those of shorter prefixes.
    fn link(&mut self) {
        let children = self.root_children.into_iter();
        let mut level: Vec<u32> = children.filter(|child| *child != ROOT).collect();
        while !level.is_empty() {
            let mut next_level = Vec::new();
            for at in level {
                let failure = self.node(at).failure;
                let suffix = self.node(failure);
                let suffix_pending = suffix.pending;
                let output = if suffix.is_match {
                    failure
                } else {
                    suffix.output
                };
                let node = &mut self.nodes[at as usize];
                node.output = output;
                node.pending = if node.first_child == ROOT {
                    suffix_pending
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

#[cfg(test)]
mod tests {
    use super::*;

    fn automaton(patterns: &[&str]) -> Automaton {
        Automaton::new(patterns.iter().map(|pattern| pattern.as_bytes()))
    }

    #[test]
    fn longest_match_and_pending_bytes_are_reported() {
        let automaton = automaton(&["he", "she", "hers", "shell"]);
        let mut state = Automaton::START;
        let mut reported = Vec::new();
        for byte in *b"ushersshel!" {
            state = automaton.step(state, byte);
            reported.push((automaton.longest_match(state), automaton.pending(state)));
        }
        let want = [
            (0, 0), // u
            (0, 1), // s
            (0, 2), // sh
            (3, 3), // she: may become shell
            (0, 3), // her
            (4, 1), // hers: its s may begin another match
            (0, 1),
            (0, 2),
            (3, 3),
            (0, 4), // shel
            (0, 0),
        ];
        assert_eq!(reported, want);
    }

    #[test]
    fn contained_patterns_are_found_once() {
        let patterns = ["a", "aa", "aaa", "b", "", "ab", "a"];
        let found = automaton(&patterns).contained_in([&b"xaay"[..], b"xaax", b"ab"]);
        assert_eq!(found, BTreeSet::from([0, 1, 3, 5]));
    }
}
