/** What a spreadsheet takes for a formula. An apostrophe before it makes it text. */
const formula = /^'*[=+\-@\t\r]/
const decimal = /^-\d+(?:\.\d+)?$/

/** A cell that no spreadsheet runs. Numbers stay numbers. */
export const neutralised = (cell: string) =>
  formula.test(cell) && !decimal.test(cell) ? `'${cell}` : cell

/** What `neutralised` was given. */
export const restored = (cell: string) =>
  cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell
