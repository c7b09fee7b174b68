import crypto from 'crypto';

const LIFE = 3600;              // seconds

function encode(value) {
    return Buffer.from(JSON.stringify(value)).toString('base64url');
}

// the first key signs, websocket_jwt takes all: so keys are rotated

function sign(claims) {
    const key = keys.keys[0];
    const text = encode({ alg: 'HS256', typ: 'JWT', kid: key.kid })
                 + '.' + encode(claims);

    return text + '.' + crypto.createHmac('sha256', key.secret).update(text)
                        .digest('base64url');
}

// auth_basic of the location has seen to it that $remote_user is who it is

function login(r) {
    if (r.method !== 'POST') {
        r.headersOut['Allow'] = 'POST';
        r.return(405);
        return;
    }

    const now = Math.floor(Date.now() / 1000);

    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut['Cache-Control'] = 'no-store';

    r.return(200, JSON.stringify({
        expires: now + LIFE,
        token: sign({
            iss: 'chatter',
            aud: 'chatter',
            sub: r.variables.remote_user,
            scope: r.variables.scopes,
            iat: now,
            exp: now + LIFE,
        }),
    }));
}

export default { login };
