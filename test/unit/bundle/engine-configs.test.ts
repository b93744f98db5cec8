// Configs that containerd, Docker, Podman and Buildah wrote are valid.
/// <reference types="bun" />
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { parseConfig } from "../../../src/bundle/load.ts";
import { findProblems } from "../../../src/bundle/rules.ts";
import { reportSkip } from "../../helpers/skip.ts";
import { installUnitHost } from "../../helpers/unit-host.ts";

const NAME = "every engine's config is valid";
const folder = process.env["TSRUN_ENGINE_CONFIGS"] ?? new URL("../../../spec-fixtures/engines", import.meta.url).pathname;

if (existsSync(folder)) {
  installUnitHost();
  test(NAME, () => {
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
      const problems = findProblems(parseConfig(readFileSync(`${folder}/${file}`, "utf8"), file));
      expect({ file, problems }).toEqual({ file, problems: [] });
    }
  });
} else reportSkip(NAME, "engine configs (TSRUN_ENGINE_CONFIGS)");
