//! One customer, one lock: whatever name an event carries, in whatever order the names arrive.
