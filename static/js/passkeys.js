// Forms with data-passkey ask the device before they are sent: "make" a passkey, or "use" one.
// What the device answers goes into the field `credential`; the rest is an ordinary form.

const ours = (text) => {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};

const theirs = (buffer) => {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

const named = (list = []) => list.map((one) => ({ ...one, id: ours(one.id) }));

async function options(form) {
  const answer = await fetch(form.dataset.options, {
    method: "POST",
    headers: { "X-CSRFToken": form.elements.csrf_token.value, Accept: "application/json" },
  });
  if (!answer.ok || answer.redirected) throw new Error("no options");
  const found = await answer.json();
  return { ...found, challenge: ours(found.challenge) };
}

async function make(form) {
  const wanted = await options(form);
  wanted.user = { ...wanted.user, id: ours(wanted.user.id) };
  wanted.excludeCredentials = named(wanted.excludeCredentials);
  const made = await navigator.credentials.create({ publicKey: wanted });
  return said(made, {
    attestationObject: theirs(made.response.attestationObject),
    transports: made.response.getTransports?.() ?? [],
  });
}

async function use(form) {
  const wanted = await options(form);
  wanted.allowCredentials = named(wanted.allowCredentials);
  const found = await navigator.credentials.get({ publicKey: wanted });
  const { authenticatorData, signature, userHandle } = found.response;
  return said(found, {
    authenticatorData: theirs(authenticatorData),
    signature: theirs(signature),
    userHandle: userHandle ? theirs(userHandle) : null,
  });
}

const said = (credential, more) => JSON.stringify({
  id: credential.id,
  rawId: theirs(credential.rawId),
  type: credential.type,
  clientExtensionResults: credential.getClientExtensionResults(),
  response: { clientDataJSON: theirs(credential.response.clientDataJSON), ...more },
});

const WORDS = {
  InvalidStateError: "This device has a passkey for you already.",
  NotAllowedError: "The device did not answer, or you stopped it. Try again.",
  SecurityError: "Passkeys do not work at this address.",
};

function complain(form, error) {
  const place = form.querySelector("[data-passkey-problem]");
  place.textContent = WORDS[error.name] ?? "That did not work. Reload the page and try again.";
  place.hidden = false;
  form.querySelector("button").removeAttribute("aria-busy");
}

// Before the listener of app.js, which would count the form as sent.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-passkey]");
  if (!form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  form.querySelector("[data-passkey-problem]").hidden = true;
  form.querySelector("button").setAttribute("aria-busy", "true");
  try {
    form.elements.credential.value = await (form.dataset.passkey === "make" ? make : use)(form);
    form.submit();
  } catch (error) {
    complain(form, error);
  }
}, { capture: true });

if (window.PublicKeyCredential) {
  const waiting = "form[data-passkey][hidden], [data-passkey-place][hidden]";
  for (const place of document.querySelectorAll(waiting)) place.hidden = false;
}
