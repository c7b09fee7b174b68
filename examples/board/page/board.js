// One connection, two channels for each board: "board:NAME" for its notes,
// which are kept, and "typing:NAME" for who is typing, which is not.

const NAMES = ['red', 'green', 'blue'];
const TYPING = 3000;            // ms that somebody is shown as typing

const { Centrifuge } = window;
const $ = (selector, root = document) => root.querySelector(selector);
const state = $('#state');

let client;

async function getToken(name) {
  const answer = await fetch(`/token?name=${encodeURIComponent(name)}`);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.text();
}

function note(list, from, text, older) {
  const item = document.createElement('li');
  const who = document.createElement('b');
  who.textContent = `${from}: `;
  item.append(who, text);
  list[older ? 'prepend' : 'append'](item);
  list.scrollTop = list.scrollHeight;
}

// who is there: a user may have several pages open
function presence(channel, element) {
  const users = new Map();

  const draw = () => {
    element.textContent = [...new Set(users.values())].sort().join(', ');
  };

  channel.on('join', ({ info }) => { users.set(info.client, info.user); draw(); });
  channel.on('leave', ({ info }) => { users.delete(info.client); draw(); });
  channel.on('subscribed', async () => {
    const { clients } = await channel.presence();
    users.clear();
    for (const info of Object.values(clients)) users.set(info.client, info.user);
    draw();
  });
}

function typing(channel, element, me) {
  const until = new Map();

  const draw = () => {
    const now = Date.now();
    const names = [...until].filter(([, end]) => end > now).map(([n]) => n);
    element.textContent = names.length ? `${names.join(', ')} …` : '';
  };

  channel.on('publication', ({ info }) => {
    if (info.user === me) return;
    until.set(info.user, Date.now() + TYPING);
    draw();
    setTimeout(draw, TYPING);
  });
}

function board(name, me) {
  const section = $('#board').content.cloneNode(true).firstElementChild;
  const [input] = section.getElementsByTagName('input');
  const notes = client.newSubscription(`board:${name}`, { recoverable: true });
  const hints = client.newSubscription(`typing:${name}`);
  let told = 0;

  section.id = name;
  $('h2', section).textContent = name;

  presence(notes, $('.who', section));
  typing(hints, $('.typing', section), me);

  notes.on('publication', ({ data, info }) =>
    note($('ul', section), info ? info.user : '?', data.text));

  // what was pinned before the page came; what it misses later the client is
  // told by itself
  notes.once('subscribed', async ({ streamPosition }) => {
    const { publications } = await notes.history({ limit: 200 });
    for (const p of publications.reverse()) {
      if (p.offset <= streamPosition.offset) {
        note($('ul', section), p.info ? p.info.user : '?', p.data.text, true);
      }
    }
  });

  input.addEventListener('input', () => {
    if (Date.now() - told < 1000) return;
    told = Date.now();
    hints.publish({}).catch(() => {});
  });

  $('form', section).addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = input.value;
    input.value = '';
    told = 0;
    try {
      await notes.publish({ text });
    } catch {
      input.value = text;
    }
  });

  $('#boards').append(section);
  notes.subscribe();
  hints.subscribe();
}

$('#login').addEventListener('submit', (event) => {
  event.preventDefault();

  const name = $('#name').value;
  const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';

  client?.disconnect();
  $('#boards').replaceChildren();

  client = new Centrifuge(
    `${scheme}://${window.location.host}/connection/websocket`,
    { getToken: () => getToken(name) },
  );

  for (const what of ['connecting', 'connected', 'disconnected']) {
    client.on(what, ({ reason }) => {
      state.dataset.state = what;
      state.textContent = what === 'connected' ? name : `${what}: ${reason}`;
    });
  }

  for (const each of NAMES) board(each, name);
  client.connect();
});
