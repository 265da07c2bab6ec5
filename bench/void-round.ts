/** What was measured must not count: lines are missing, doubled or wrong, or it did not end in time. */
export class VoidRound extends Error {
  readonly code = 'VOID_ROUND'
  override readonly name = 'VoidRound'
}
