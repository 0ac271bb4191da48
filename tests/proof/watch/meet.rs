//! Two conversations that turn out to be one. A hold of either is a hold of both.
//!
//! Invariant: nobody stops waiting, and no hold ends, because two names meet.
//!
//! Why a hold is watched less closely from then on: which of two persons' words answered which of two talks is a matter
//! of judgement. Only its latest end is held against the clock.

use baton::policy::Policy;
use baton::time::UnixMillis;

use super::Watch;
use super::group::{Asked, Group, Held};

impl Watch {
    /// Two groups turn out to be one conversation. A hold of either is a hold of both.
    pub(super) fn join(&mut self, one: usize, other: usize, policy: &Policy, now: UnixMillis) {
        if one != other {
            let both_taken = self.groups[one].was_taken && self.groups[other].was_taken;
            self.groups[one].was_taken |= self.groups[other].was_taken;
            self.meet(one, other, policy, now);
            self.given_where_names_meet(one, both_taken);
        }
    }

    fn meet(&mut self, one: usize, other: usize, policy: &Policy, now: UnixMillis) {
        let moved = u8::try_from(one).unwrap();
        for (_, group, _) in self.names.iter_mut().filter(|(_, group, _)| usize::from(*group) == other) {
            *group = moved;
        }
        let mut other = core::mem::take(&mut self.groups[other]);
        if other.release(policy).is_some_and(|at| at <= now) {
            // Nobody's any more, though no alarm could say so.
            other.hold = None;
            other.asked.clear();
        }
        for asked in other.asked.iter_mut().filter(|asked| asked.at.after(policy.warn_after) <= now) {
            asked.warned = true;
        }
        let is_news = !other.asked.is_empty() || other.hold.is_some();
        let one = &mut self.groups[one];
        one.token_sent = one.token_sent.max(other.token_sent);
        if !is_news {
            return;
        }
        if one.hold.is_none() && one.asked.is_empty() {
            // What is not handed over with the rest has no place here, and is answered by the next word all the same.
            let answered = other.hold.as_ref().map_or(other.answered, |hold| hold.answered(other.answered));
            let words = other.hold.as_ref().map_or(0, |hold| hold.words.len());
            for asked in other.asked.iter_mut().filter(|asked| asked.floats.is_none() && asked.seq > answered) {
                asked.floats = Some(words);
            }
            (one.hold, one.asked, one.answered) = (other.hold, other.asked, other.answered);
            return;
        }
        let answered = |group: &Group| group.hold.as_ref().map(|hold| hold.answered(group.answered));
        let up_to = match (answered(one), answered(&other)) {
            (Some(one), Some(other)) => one.min(other),
            (one, other) => one.or(other).unwrap_or_default(),
        };
        let mut asked: Vec<_> = in_order(one).chain(in_order(&other)).collect();
        asked.sort_by_key(|(at, _)| *at);
        one.asked = asked.into_iter().map(|(_, asked)| asked).collect();
        // Who waited under one name is not answered by words under the other.
        one.asked.iter_mut().for_each(|asked| asked.floats = Some(0));
        one.answered = up_to;
        let hold = match (one.hold.take(), other.hold.take()) {
            (Some(first), Some(second)) => {
                let (first, second) = if first.since <= second.since { (first, second) } else { (second, first) };
                Some(Held { lease_until: first.lease_until.max(second.lease_until), ..first })
            }
            (first, second) => first.or(second),
        };
        let linger = now.after(policy.hand_back_after);
        one.hold = hold.map(|hold| Held { joined: true, words: Vec::new(), linger, ..hold });
        if one.first().is_some_and(|first| first.warned) {
            one.asked.iter_mut().for_each(|asked| asked.warned = true);
        }
    }
}

/// Who waits, and since when by the order in which they came: under one name nobody is before whoever came before them,
/// though the clock may have been set back since.
fn in_order(group: &Group) -> impl Iterator<Item = (UnixMillis, Asked)> {
    group.unanswered().scan(UnixMillis::default(), |latest, asked| {
        *latest = asked.at.max(*latest);
        Some((*latest, asked.clone()))
    })
}
