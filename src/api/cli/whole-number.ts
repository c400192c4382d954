/** Numbers among the options of a command. */
import { InvalidArgumentError } from 'commander';

/** Reads an option's argument. Another is refused, with the limits. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}
