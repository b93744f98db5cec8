// Lists of processors or memory nodes as cpuset(7) writes them ("0-3,7") -> the words of a mask for the kernel.

const WORD_BITS = 64;
/** The kernel's greatest NR_CPUS; memory nodes are fewer. */
const MAX_NUMBER = 8191;

/** Decimal words of 64 bits, the lowest numbers first; undefined when a number is too high or a range runs backwards. */
export function maskWords(list: string): readonly string[] | undefined {
  const words: bigint[] = [];
  for (const part of list.split(",")) {
    const [first = 0, last = first] = part.split("-").map((text) => Number(text.trim()));
    if (last > MAX_NUMBER || last < first) return undefined;
    for (let number = first; number <= last; number++) {
      const index = Math.floor(number / WORD_BITS);
      while (words.length <= index) words.push(0n);
      words[index] = (words[index] ?? 0n) | (1n << BigInt(number % WORD_BITS));
    }
  }
  return words.map(String);
}
