//! HTTP filters: the chain, what filters see, and how a stream pauses and resumes.
