// The runtime-spec version that tsrun implements, and its own.

/** The newest version of the runtime-spec that is implemented; written into state. */
export const SPEC_VERSION = "1.3.0";
export const TSRUN_VERSION = "0.1.0";
