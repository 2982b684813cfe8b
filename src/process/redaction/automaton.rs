//! An Aho–Corasick automaton: finds many patterns in a stream with one step per byte, however many
//! patterns there are.
//!
//! Unlike a crate that returns whole matches, it reports after each byte the longest pattern that ends
//! there, and how many of the last bytes may still become part of a match.
//!
//! States near the root, where most steps are, and those with many children have a row with the next
//! state for every byte. The other states are prefixes of few patterns; they are stored in the order of
//! the patterns, so that a long match reads memory in sequence.

/// The state before the first byte. As a link it means "none", because no link leads back to it.
pub(super) const START: State = 0;

/// The node that the bytes read so far lead to.
pub(super) type State = u32;

/// Nodes up to this depth have a row.
const ROW_DEPTH: u32 = 2;

/// Nodes with more children have a row.
const MAX_LISTED_CHILDREN: u32 = 3;

/// The limit for the number of rows.
const MAX_ROWS: usize = 8 << 10;

/// A byte string to find.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Pattern {
    pub bytes: Vec<u8>,
    /// The length from which the start of the pattern counts as pending.
    pub pending_from: usize,
}

/// The automaton.
#[derive(Debug)]
pub(super) struct Automaton {
    /// The nodes with a row precede the others.
    nodes: Vec<Node>,
    /// The next states of each node with a row, by class.
    rows: Vec<State>,
    row_count: u32,
    /// The first state in which a pattern ends.
    first_match: State,
    /// The classes of all bytes: 0 for those that are in no pattern.
    classes: [u16; 256],
    /// The bytes of the classes from 1.
    alphabet: Vec<u8>,
}

/// A node represents a prefix of one or more patterns.
#[derive(Clone, Debug, Default)]
struct Node {
    byte: u8,
    child_count: u32,
    first_child: State,
    next_sibling: State,
    /// The longest proper suffix of this prefix that is a prefix too.
    failure: State,
    depth: u32,
    /// The length of the longest pattern that ends here; 0 if none does.
    match_length: u32,
    /// How many of the last bytes may still become part of a match.
    pending: u32,
}

impl Automaton {
    /// Builds an automaton for `patterns`, without the empty ones. They must have fewer than 2³²
    /// bytes in total.
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Self {
        let mut patterns: Vec<_> = patterns.into_iter().collect();
        patterns.sort_unstable();
        patterns.dedup();
        let mut is_used = [false; 256];
        for byte in patterns.iter().flat_map(|pattern| &pattern.bytes) {
            is_used[usize::from(*byte)] = true;
        }
        let alphabet: Vec<u8> = (0..=u8::MAX)
            .filter(|byte| is_used[usize::from(*byte)])
            .collect();
        let mut classes = [0; 256];
        for (class, byte) in (1..).zip(&alphabet) {
            classes[usize::from(*byte)] = class;
        }
        let (nodes, row_count) = rows_first(&trie(&patterns));
        let mut automaton = Self {
            rows: vec![START; row_count * (alphabet.len() + 1)],
            // invariant: the caller limits the number of bytes, and so of nodes.
            row_count: u32::try_from(row_count).unwrap_or(u32::MAX),
            first_match: START,
            nodes,
            classes,
            alphabet,
        };
        automaton.link();
        let is_match = |state: &State| automaton.node(*state).match_length > 0;
        automaton.first_match = (START..)
            .take(automaton.len())
            .find(is_match)
            .unwrap_or(State::MAX);
        automaton
    }

    /// The state after one more byte.
    #[inline]
    pub(super) fn step(&self, mut state: State, byte: u8) -> State {
        while state >= self.row_count {
            if let Some(child) = self.child(state, byte) {
                return child;
            }
            state = self.node(state).failure;
        }
        self.rows[self.row_start(state) + usize::from(self.classes[usize::from(byte)])]
    }

    /// The length of the longest pattern that ends here; 0 if none does.
    #[inline]
    pub(super) fn longest_match(&self, state: State) -> u32 {
        // Most states precede it, and are not read from memory.
        if state < self.first_match {
            return 0;
        }
        self.node(state).match_length
    }

    /// How many of the last bytes may still become part of a match.
    pub(super) fn pending(&self, state: State) -> u32 {
        self.node(state).pending
    }

    /// How many of the last bytes the state depends on.
    pub(super) fn depth(&self, state: State) -> u32 {
        self.node(state).depth
    }

    /// The state at the end of a pattern.
    pub(super) fn find(&self, pattern: &Pattern) -> State {
        let bytes = pattern.bytes.iter();
        bytes.fold(START, |state, byte| self.step(state, *byte))
    }

    /// The number of states.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The state of the longest proper suffix that is the start of a pattern.
    pub(super) fn failure(&self, state: State) -> State {
        self.node(state).failure
    }

    /// Sets the links and rows level by level, because they depend on those of shorter prefixes.
    fn link(&mut self) {
        let mut level = vec![START];
        while !level.is_empty() {
            let mut next_level = Vec::new();
            for at in level {
                let failure = self.node(at).failure;
                let suffix = self.node(failure).clone();
                let node = &mut self.nodes[at as usize];
                if node.match_length == 0 {
                    node.match_length = suffix.match_length;
                }
                if node.pending == 0 {
                    node.pending = suffix.pending;
                }
                if at < self.row_count {
                    self.fill_row(at);
                }
                let mut child = self.node(at).first_child;
                while child != START {
                    if at != START {
                        let byte = self.node(child).byte;
                        self.nodes[child as usize].failure = self.step(failure, byte);
                    }
                    next_level.push(child);
                    child = self.node(child).next_sibling;
                }
            }
            level = next_level;
        }
    }

    fn fill_row(&mut self, at: State) {
        let start = self.row_start(at);
        for class in 1..=self.alphabet.len() {
            let byte = self.alphabet[class - 1];
            self.rows[start + class] = match self.child(at, byte) {
                Some(child) => child,
                None if at == START => START,
                None => self.step(self.node(at).failure, byte),
            };
        }
    }

    fn row_start(&self, state: State) -> usize {
        state as usize * (self.alphabet.len() + 1)
    }

    #[inline]
    fn child(&self, parent: State, byte: u8) -> Option<State> {
        let mut child = self.node(parent).first_child;
        while child != START {
            let node = self.node(child);
            if node.byte == byte {
                return Some(child);
            }
            child = node.next_sibling;
        }
        None
    }

    #[inline]
    fn node(&self, at: State) -> &Node {
        &self.nodes[at as usize]
    }
}

/// The prefixes of the patterns, which are sorted, without links.
fn trie(patterns: &[&Pattern]) -> Vec<Node> {
    let mut nodes = vec![Node::default()];
    let mut previous: &[u8] = &[];
    // The nodes of the prefixes of the previous pattern.
    let mut path = vec![START];
    for Pattern {
        bytes,
        pending_from,
    } in patterns
    {
        let shared = previous.iter().zip(bytes).take_while(|(a, b)| a == b);
        path.truncate(shared.count() + 1);
        for byte in &bytes[path.len() - 1..] {
            let new = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            let parent = &mut nodes[path[path.len() - 1] as usize];
            let node = Node {
                byte: *byte,
                depth: parent.depth + 1,
                next_sibling: parent.first_child,
                ..Node::default()
            };
            parent.first_child = new;
            parent.child_count += 1;
            nodes.push(node);
            path.push(new);
        }
        for at in path.iter().take(bytes.len()).skip(*pending_from) {
            let node = &mut nodes[*at as usize];
            node.pending = node.depth;
        }
        let end = &mut nodes[path[bytes.len()] as usize];
        end.match_length = end.depth;
        previous = bytes;
    }
    nodes
}

/// Moves the nodes that get a row to the front, and returns their number.
fn rows_first(nodes: &[Node]) -> (Vec<Node>, usize) {
    let has_row = |node: &Node| node.depth <= ROW_DEPTH || node.child_count > MAX_LISTED_CHILDREN;
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|at| {
        let node = &nodes[*at];
        if has_row(node) { node.depth } else { u32::MAX }
    });
    let mut moved_to = vec![START; nodes.len()];
    for (new, old) in (0..).zip(&order) {
        moved_to[*old] = new;
    }
    let moved = order.iter().map(|old| {
        let node = nodes[*old].clone();
        Node {
            first_child: moved_to[node.first_child as usize],
            next_sibling: moved_to[node.next_sibling as usize],
            ..node
        }
    });
    let count = nodes.iter().filter(|node| has_row(node)).count();
    (moved.collect(), count.min(MAX_ROWS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn automaton(patterns: &[&str]) -> Automaton {
        let pattern = |text: &&str| Pattern {
            bytes: text.as_bytes().to_vec(),
            pending_from: 1,
        };
        Automaton::new(&patterns.iter().map(pattern).collect::<Vec<_>>())
    }

    #[test]
    fn longest_match_and_pending_bytes_are_reported() {
        let automaton = automaton(&["he", "she", "hers", "shell", ""]);
        let mut state = START;
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

    /// Steps through rows, lists and failure links, compared with all suffixes of the text.
    #[test]
    fn state_is_the_longest_suffix_that_starts_a_pattern() {
        let patterns: Vec<String> = (0..8)
            .map(|last| format!("abcabcab{last}"))
            .chain(["bcabca".to_owned(), "cabcx".to_owned(), "xyzzy".to_owned()])
            .collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let automaton = automaton(&patterns);
        let text = "abcabcab8abcabcab3cabcabcaxyzzxyzzyabcabcabcabcx";
        let mut state = START;
        for end in 1..=text.len() {
            state = automaton.step(state, text.as_bytes()[end - 1]);
            let longest = |is_wanted: &dyn Fn(&str) -> bool| {
                (0..end)
                    .find(|start| is_wanted(&text[*start..end]))
                    .map_or(0, |start| u32::try_from(end - start).unwrap())
            };
            let read = &text[..end];
            let depth = longest(&|suffix| patterns.iter().any(|text| text.starts_with(suffix)));
            assert_eq!(automaton.depth(state), depth, "{read}");
            let matched = longest(&|suffix| patterns.contains(&suffix));
            assert_eq!(automaton.longest_match(state), matched, "{read}");
        }
    }
}
