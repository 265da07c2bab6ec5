/**
 * Whether it can be the address of a stock source: http or https, with a path perhaps, but without
 * user and password, which belong into the token, and without query and fragment, which would be lost.
 */
export const isSourceUrl = (text: string): boolean => {
  const url = URL.parse(text)
  return (
    url !== null &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.username === '' &&
    url.password === '' &&
    !/[?#]/.test(text)
  )
}

/** Whether it can stand in an Authorization header: visible ASCII, no blanks. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]{1,4096}$/.test(text)
