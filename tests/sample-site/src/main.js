const app = document.getElementById('app')

async function show() {
  const answer = await fetch(`${import.meta.env.BASE_URL}api/trailers`)
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
  const [trailers, { list }] = await Promise.all([answer.json(), import('./list.js')])
  app.replaceChildren(list(trailers))
}

// Said on the page and not in the console: a database that is away is no fault of the script.
show().catch(() => { app.textContent = 'La liste est indisponible pour le moment. Appelez-nous!' })
