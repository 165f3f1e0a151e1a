// Passkeys and security keys (WebAuthn), the one thing of the account pages that needs a script.
// A form says what it wants: data-passkey is "create", "get" or "login"; data-options holds what the server asks for.
"use strict";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential || !PublicKeyCredential.parseRequestOptionsFromJSON) continue;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    answer(form).then(
      (credential) => {
        form.querySelector("[name=credential]").value = JSON.stringify(credential);
        form.submit();
      },
      (error) => tell(form, error),
    );
  });
}

async function answer(form) {
  if (form.dataset.passkey === "create") return created(form, JSON.parse(form.dataset.options));
  const options = form.dataset.passkey === "login" ? await asked(form) : JSON.parse(form.dataset.options);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}

async function created(form, options) {
  const passwordless = form.querySelector("[name=passwordless]");
  const selection = options.publicKey.authenticatorSelection;
  if (passwordless && passwordless.checked) {
    selection.residentKey = "required";
    selection.requireResidentKey = true;
    selection.userVerification = "required";
  } else {
    selection.residentKey = "discouraged";
    selection.requireResidentKey = false;
  }
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}

async function asked(form) {
  const reply = await fetch(form.action, { credentials: "same-origin", headers: { Accept: "application/json" } });
  if (!reply.ok) throw new Error("The server does not answer.");
  return (await reply.json()).request_options;
}

function tell(form, error) {
  const place = form.querySelector("[data-passkey-error]");
  place.textContent = error.name === "NotAllowedError" ? "It was cancelled, or took too long." : `${error.message || error}`;
  place.hidden = false;
}
