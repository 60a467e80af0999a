//! Documents as a whole: what is read, what is passed over, and that both ways of reading agree.
