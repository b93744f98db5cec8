// What the rules ask about linux.namespaces.
import type { Config, NamespaceType } from "../../spec/config.ts";

/** Paths that are the runtime's own namespaces: joining one of them is no separation. */
const OWN = /^\/proc\/(self|thread-self|1)\/(task\/\d+\/)?ns\//;

/** The container has one apart from the runtime's, made or joined. */
export function hasNamespace(config: Config, type: NamespaceType): boolean {
  return config.linux?.namespaces?.some((namespace) => namespace.type === type && !OWN.test(namespace.path ?? "")) === true;
}

/** One is made for the container. An empty path is none: Go programs write it so. */
export function makesNamespace(config: Config, type: NamespaceType): boolean {
  return config.linux?.namespaces?.some((namespace) => namespace.type === type && (namespace.path ?? "") === "") === true;
}

export function namespaceHint(type: NamespaceType): string {
  return `add { "type": "${type}" } to linux.namespaces`;
}

/** One name as a part of a JSON pointer. */
export function pointerPart(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
