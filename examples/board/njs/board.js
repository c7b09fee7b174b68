// Who says a name gets a token of it: an application would ask for a password.

import crypto from 'crypto';

const LIFE = 3600;              // seconds

function encode(value) {
    return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function token(r) {
    const name = r.args.name || '';

    if (!/^[\w-]{1,32}$/.test(name)) {
        r.return(400, 'a name has letters, digits, "_" and "-"\n');
        return;
    }

    const key = keys.keys[0];
    const text = encode({ alg: key.alg, typ: 'JWT', kid: key.kid }) + '.'
                 + encode({ sub: name,
                            exp: Math.floor(Date.now() / 1000) + LIFE });

    r.headersOut['Content-Type'] = 'text/plain';
    r.headersOut['Cache-Control'] = 'no-store';

    r.return(200, text + '.' + crypto.createHmac('sha256', key.secret)
                               .update(text).digest('base64url'));
}

export default { token };
