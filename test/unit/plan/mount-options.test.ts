// Option words of mounts -> flags, attributes, propagation and data (spec 6.04 to 6.10).
import { expect, test } from "bun:test";
import { ATTR, MS } from "../../../src/plan/kernel-flags.ts";
import { knownMountOptions, type MountOptions, parseMountOptions } from "../../../src/plan/mount-options.ts";

const NOTHING: MountOptions = {
  bind: false,
  recursive: false,
  remount: false,
  readonly: false,
  flags: 0,
  flagsClear: 0,
  attrSet: 0,
  attrClear: 0,
  recAttrSet: 0,
  recAttrClear: 0,
  propagation: [],
  copyUp: false,
  idmap: "",
  data: [],
};

/** Words, and what they change in an empty set. */
const CASES: readonly (readonly [string, Partial<MountOptions>])[] = [
  ["", {}],
  ["defaults", {}],
  ["ro", { readonly: true, flags: MS.RDONLY, attrSet: ATTR.RDONLY }],
  ["rw", { flagsClear: MS.RDONLY, attrClear: ATTR.RDONLY }],
  ["ro rw", { flagsClear: MS.RDONLY, attrClear: ATTR.RDONLY }],
  ["rw ro", { readonly: true, flags: MS.RDONLY, attrSet: ATTR.RDONLY }],
  ["nosuid nodev noexec nosymfollow", { attrSet: ATTR.NOSUID | ATTR.NODEV | ATTR.NOEXEC | ATTR.NOSYMFOLLOW }],
  ["suid dev exec symfollow diratime", { attrClear: ATTR.NOSUID | ATTR.NODEV | ATTR.NOEXEC | ATTR.NOSYMFOLLOW | ATTR.NODIRATIME }],
  ["noatime", { attrSet: ATTR.NOATIME, attrClear: ATTR.ATIME }],
  ["atime", { attrClear: ATTR.ATIME }],
  ["relatime", { attrClear: ATTR.ATIME }],
  ["norelatime", { attrClear: ATTR.ATIME }],
  ["strictatime", { attrSet: ATTR.STRICTATIME, attrClear: ATTR.ATIME }],
  ["noatime strictatime", { attrSet: ATTR.STRICTATIME, attrClear: ATTR.ATIME }],
  ["noatime norelatime", { attrSet: ATTR.NOATIME, attrClear: ATTR.ATIME }],
  ["strictatime nostrictatime", { attrClear: ATTR.ATIME }],
  ["nodiratime", { attrSet: ATTR.NODIRATIME }],
  ["sync dirsync", { flags: MS.SYNCHRONOUS | MS.DIRSYNC }],
  ["sync async", { flagsClear: MS.SYNCHRONOUS }],
  ["mand iversion lazytime silent", { flags: MS.MANDLOCK | MS.I_VERSION | MS.LAZYTIME | MS.SILENT }],
  ["mand nomand iversion noiversion lazytime nolazytime silent loud", { flagsClear: MS.MANDLOCK | MS.I_VERSION | MS.LAZYTIME | MS.SILENT }],
  ["bind", { bind: true }],
  ["rbind", { bind: true, recursive: true }],
  ["remount bind", { bind: true, remount: true }],
  ["private rslave", { propagation: [String(MS.PRIVATE), String(MS.SLAVE | MS.REC)] }],
  ["shared runbindable", { propagation: [String(MS.SHARED), String(MS.UNBINDABLE | MS.REC)] }],
  ["bind rro rnosuid", { bind: true, recAttrSet: ATTR.RDONLY | ATTR.NOSUID }],
  ["rro rrw remount", { remount: true, recAttrClear: ATTR.RDONLY }],
  ["bind ratime", { bind: true, recAttrClear: ATTR.ATIME }],
  ["rbind rnoatime rnodiratime", { bind: true, recursive: true, recAttrSet: ATTR.NOATIME | ATTR.NODIRATIME, recAttrClear: ATTR.ATIME }],
  ["ro rrw bind", { bind: true, readonly: true, flags: MS.RDONLY, attrSet: ATTR.RDONLY, recAttrClear: ATTR.RDONLY }],
  ["rro rnosuid", { readonly: true, flags: MS.RDONLY, attrSet: ATTR.RDONLY | ATTR.NOSUID }],
  ["ro rrw", { flagsClear: MS.RDONLY, attrClear: ATTR.RDONLY }],
  ["tmpcopyup", { copyUp: true }],
  ["ridmap", { idmap: "ridmap" }],
  ["size=5m mode=700", { data: ["size=5m", "mode=700"] }],
  ["x-systemd.automount _netdev noauto nofail nouser comment=x", {}],
  ["user", { attrSet: ATTR.NOSUID | ATTR.NODEV | ATTR.NOEXEC }],
  ["owner suid", { attrSet: ATTR.NODEV, attrClear: ATTR.NOSUID }],
  ["constructor __proto__", { data: ["constructor", "__proto__"] }],
];

for (const [words, changes] of CASES) {
  test(`mount options: ${words === "" ? "(none)" : words}`, () => {
    expect(parseMountOptions(words === "" ? [] : words.split(" "))).toEqual({ ...NOTHING, ...changes });
  });
}

test("6.04-6.07 every word of the specification is known", () => {
  const must =
    "async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate rshared rslave runbindable rw shared silent slave strictatime suid sync unbindable";
  const should =
    "nosymfollow symfollow ratime rdev rdiratime rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow mand nomand idmap ridmap tmpcopyup";
  const ofMount8 = "auto noauto nofail user nouser users nousers owner noowner group nogroup _netdev";
  expect(knownMountOptions()).toEqual(`${must} ${should} ${ofMount8}`.split(" ").sort());
});
