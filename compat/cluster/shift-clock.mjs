// Preloaded into a node, for tests: its clock is wrong by TEST_CLOCK_SKEW_MS, as that of a machine is that nobody set.

const skewMs = Number(process.env.TEST_CLOCK_SKEW_MS ?? 0)
const RealDate = Date

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + skewMs)
    else super(...given)
  }

  static now() {
    return RealDate.now() + skewMs
  }
}
