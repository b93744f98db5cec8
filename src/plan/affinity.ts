// Lists of processors as cpuset(7) writes them ("0-3,7") -> the words of a mask for sched_setaffinity(2).

const WORD_BITS = 64;
/** The kernel's greatest NR_CPUS. */
const MAX_CPU = 8191;

/** Decimal words of 64 bits, the lowest processors first; undefined when a number is too high or a range runs backwards. */
export function affinityWords(list: string): readonly string[] | undefined {
  const words: bigint[] = [];
  for (const part of list.split(",")) {
    const [first = 0, last = first] = part.split("-").map((text) => Number(text.trim()));
    if (last > MAX_CPU || last < first) return undefined;
    for (let cpu = first; cpu <= last; cpu++) {
      const index = Math.floor(cpu / WORD_BITS);
      while (words.length <= index) words.push(0n);
      words[index] = (words[index] ?? 0n) | (1n << BigInt(cpu % WORD_BITS));
    }
  }
  return words.map(String);
}
