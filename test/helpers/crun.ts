// Where crun 1.8.1 is known to differ: one table, since it is the second oracle; what runc differs in stands in the tests.

export const CRUN_DEVIATIONS: readonly (readonly [name: RegExp, why: string])[] = [
  [
    /does not exist|3\.05 create does not run|3\.21 run deletes|^--log (with json|in text)|3\.11 4\.12 a \w+ hook|3\.22 a poststop hook that fails/,
    "says `error opening file .../status` of an unknown container",
  ],
  [/3\.02 invalid ids/, "takes ids with a leading slash"],
  [/3\.07 values that the kernel refuses|8\.36 8\.37 8\.41 (cpu|pids)\S* -1|8\.43 unified/, "leaves cgroups behind a failed create, and writes -1 as it is"],
  [/3\.13 start of a|3\.18 kill of a stopped|3\.20 delete of a running/, "other words"],
  [/3\.14 a config without process/, "an internal error at create"],
  [/3\.18 kill with a signal/, "takes a wrong name for signal 0"],
  [/3\.19 kill sends exactly/, "knows no names in lower case and no numbers above 31"],
  [/^4\.01 /, "runs poststart while startContainer is still at work"],
  [/5\.09 an unknown rootfsPropagation|5\.09 rootfsPropagation runbindable/, "does not check it, and binds masks after it"],
  [/6\.02 missing destinations are made/, "makes parents with mode 01755"],
  [/6\.04 \w+ undoes an earlier/, "adds both up"],
  [/6\.04 (r?shared|r?unbindable) on a bind/, "loses it"],
  [/6\.10 a tmpfs without a mode/, "1777 always"],
  [/7\.03 a relative or absent cwd/, "takes a relative one"],
  [/7\.04 a program that may not be executed/, "other words"],
  [/7\.16 LISTEN_FDS/, "another order"],
  [/8\.05 the same type twice/, "not checked"],
  [/8\.35 wrong rules|8\.36 swappiness outside/, "not checked"],
  [/8\.63 a read-only path keeps/, "loses the flags of a submount"],
  [/CVE-2019-19921 \S+ a mount of another kind/, "checks less"],
  [/CVE-2026-(41579 CVE-2026-47766|88264|88265)/, "1.8.1 is open to it"],
  [/run --keep/, "unknown flag in 1.8"],
];
