const SECRET_PARAMETER = /([?&][^=&]*(?:pass|secret|token|key|auth)[^=&]*=)[^&#]*/gi;

/** A URL as it may be shown: without user, password and secret parameters. Works on strings that are not valid URLs, too. */
export function redactUrl(url: string): string {
  // The last @ of the authority ends the user part: an unescaped one in a password is still part of the password.
  const redacted = url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1***@').replace(SECRET_PARAMETER, '$1***');
  // A password with an unescaped / or ? moves the @ behind what looks like the path; show the scheme alone then.
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? '';
  return redacted
    .slice(scheme.length)
    .replace(/^\/\/\*\*\*@/, '')
    .includes('@')
    ? `${scheme}//***`
    : redacted;
}

/** The scheme with its colon, lower case: `redis:`; `undefined` where there is none. */
export function schemeOf(url: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0].toLowerCase();
}
