/**
 * Characters of a name that a terminal would obey and that a reader would not see or would see elsewhere: all control
 * characters (C1 ones begin escape sequences as well), formatting ones such as those that turn text around, lone
 * surrogates and Unicode's own line breaks. Matches each by itself; stateful, as `g` patterns are, so use it for replacing.
 */
export const unsafeCharacters = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
