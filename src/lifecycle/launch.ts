// The chunk of create and run: everything that builds a container. The other commands do not load it.
export { createContainer } from "./create.ts";
export { runContainer } from "./run.ts";
