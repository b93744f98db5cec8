// The chunks: code that a hot command does not load. Name -> module below src. Both hosts and the build read this table.
// What a chunk imports of the modules of the hot commands is shared with them; the rest is in the chunk (scripts/build.ts).

export const CHUNKS = {
  "error-words": "cli/error-words.ts",
  "exact-json": "bundle/exact-json.ts",
  explain: "plan/explain.ts",
  help: "cli/help.ts",
  launch: "lifecycle/launch.ts",
  "schema-words": "bundle/schema-words.ts",
  "start-error": "lifecycle/start-error.ts",
  "spec-template": "cli/spec-template.ts",
  "validate-config": "spec/validators/config.gen.js",
  "validate-hooks": "spec/validators/hooks.gen.js",
  "validate-intel-rdt": "spec/validators/intel-rdt.gen.js",
  "validate-linux": "spec/validators/linux.gen.js",
  "validate-memory-policy": "spec/validators/memory-policy.gen.js",
  "validate-mounts": "spec/validators/mounts.gen.js",
  "validate-process": "spec/validators/process.gen.js",
  "validate-resources": "spec/validators/resources.gen.js",
  "validate-seccomp": "spec/validators/seccomp.gen.js",
} as const;
