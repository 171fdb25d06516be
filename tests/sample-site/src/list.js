const dollars = new Intl.NumberFormat('fr-CA', { style: 'currency', currency: 'CAD' })

function element(name, text) {
  const made = document.createElement(name)
  made.textContent = text
  return made
}

export function list(trailers) {
  const all = document.createElement('ul')
  for (const trailer of trailers) {
    const one = document.createElement('li')
    one.append(element('h3', trailer.model), element('p', `${trailer.length_feet} pi, ${trailer.colour}, ${trailer.state} à ${trailer.city}`), element('strong', dollars.format(trailer.price)))
    all.append(one)
  }
  return all
}
