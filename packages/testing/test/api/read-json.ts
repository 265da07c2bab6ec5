/** The body of an answer, believed to be of this type. */
export const readJson = async <T>(answer: Response): Promise<T> => (await answer.json()) as T
