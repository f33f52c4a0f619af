//! Names from many places, to make up people with.

use lanyard_time::Entropy;

use crate::random::below;

/// A name and a domain under `.example`, which no one can own (RFC 2606).
pub(super) fn organisation(entropy: &dyn Entropy) -> (&'static str, &'static str) {
    ORGANISATIONS[below(entropy, ORGANISATIONS.len())]
}

/// A first and a last name.
pub(super) fn person(entropy: &dyn Entropy) -> (&'static str, &'static str) {
    (FIRST[below(entropy, FIRST.len())], LAST[below(entropy, LAST.len())])
}

/// A person's job title; the first person runs the organisation's Webex.
pub(super) fn title(index: usize, entropy: &dyn Entropy) -> &'static str {
    let drawn = TITLES[below(entropy, TITLES.len())];
    if index == 0 { "Collaboration Administrator" } else { drawn }
}

/// A name as it stands in an address: lower case, plain letters.
pub(super) fn ascii(name: &str) -> String {
    name.chars()
        .flat_map(char::to_lowercase)
        .filter_map(|letter| match letter {
            'a'..='z' => Some(letter),
            'á' | 'à' | 'ã' | 'å' | 'ä' | 'ą' => Some('a'),
            'ç' | 'ć' | 'č' => Some('c'),
            'é' | 'è' | 'ë' | 'ę' => Some('e'),
            'í' | 'ı' => Some('i'),
            'ł' => Some('l'),
            'ñ' | 'ń' => Some('n'),
            'ó' | 'ö' | 'ø' | 'ô' => Some('o'),
            'š' | 'ş' | 'ś' => Some('s'),
            'ú' | 'ü' => Some('u'),
            'ž' | 'ż' => Some('z'),
            'ğ' => Some('g'),
            _ => None,
        })
        .collect()
}

const ORGANISATIONS: [(&str, &str); 12] = [
    ("Aldermoor Shipping", "aldermoor-shipping.example"),
    ("Birchfield Museums", "birchfield-museums.example"),
    ("Cobalt Bay Energy", "cobalt-bay.example"),
    ("Dunmore & Vale", "dunmore-vale.example"),
    ("Easterly Railways", "easterly-railways.example"),
    ("Fennwick Clinics", "fennwick-clinics.example"),
    ("Glasshouse Studios", "glasshouse-studios.example"),
    ("Harrow Lane Bakeries", "harrow-lane.example"),
    ("Ironbridge Textiles", "ironbridge-textiles.example"),
    ("Juniper Valley Schools", "juniper-valley.example"),
    ("Kestrel Ferries", "kestrel-ferries.example"),
    ("Larkspur Insurance", "larkspur-insurance.example"),
];

const FIRST: [&str; 64] = [
    "Aaliyah",
    "Abena",
    "Adaeze",
    "Aiko",
    "Aino",
    "Alejandra",
    "Amara",
    "Amir",
    "Ana",
    "Anders",
    "Anjali",
    "Ayşe",
    "Beatriz",
    "Björn",
    "Bogdan",
    "Chiara",
    "Chinedu",
    "Clara",
    "Dalia",
    "Darius",
    "Deepak",
    "Diego",
    "Elif",
    "Emeka",
    "Esther",
    "Farah",
    "Fatima",
    "Freya",
    "Gabriel",
    "Giulia",
    "Hana",
    "Hassan",
    "Ingrid",
    "Isaac",
    "Ishaan",
    "Jelena",
    "João",
    "Kamala",
    "Katarzyna",
    "Kenji",
    "Kofi",
    "Leila",
    "Liam",
    "Lucía",
    "Magnus",
    "Malik",
    "Mei",
    "Mihail",
    "Nadia",
    "Ngozi",
    "Noa",
    "Olga",
    "Omar",
    "Priya",
    "Rafael",
    "Rosa",
    "Sanjay",
    "Siobhan",
    "Søren",
    "Tala",
    "Thabo",
    "Yara",
    "Zainab",
    "Zoë",
];

const LAST: [&str; 64] = [
    "Abara",
    "Adeyemi",
    "Ahmadi",
    "Andersson",
    "Aoki",
    "Banerjee",
    "Barros",
    "Bauer",
    "Becker",
    "Castillo",
    "Chen",
    "Costa",
    "Çelik",
    "Dlamini",
    "Dubois",
    "Eriksen",
    "Farouk",
    "Fernández",
    "Fischer",
    "García",
    "Gupta",
    "Haddad",
    "Hansen",
    "Hoffmann",
    "Horvat",
    "Hussein",
    "Ibrahim",
    "Ivanova",
    "Jensen",
    "Kapoor",
    "Kaya",
    "Kim",
    "Kowalska",
    "Kuznetsov",
    "Lindqvist",
    "Lopez",
    "Mancini",
    "Mbeki",
    "Mensah",
    "Moreau",
    "Müller",
    "Nakamura",
    "Navarro",
    "Ndiaye",
    "Nguyen",
    "Novák",
    "Nowak",
    "Obi",
    "Okafor",
    "Okonkwo",
    "Oliveira",
    "Park",
    "Patel",
    "Petrov",
    "Rahman",
    "Rossi",
    "Sato",
    "Silva",
    "Şahin",
    "Tanaka",
    "Tran",
    "Virtanen",
    "Walsh",
    "Yılmaz",
];

const TITLES: [&str; 16] = [
    "Account Manager",
    "Accountant",
    "Analyst",
    "Architect",
    "Buyer",
    "Designer",
    "Facilities Manager",
    "Head of Operations",
    "Network Engineer",
    "Office Manager",
    "Planner",
    "Product Manager",
    "Receptionist",
    "Recruiter",
    "Support Specialist",
    "Team Lead",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_every_name_has_a_plain_form() {
        for name in FIRST.iter().chain(&LAST) {
            assert_eq!(ascii(name).chars().count(), name.chars().count(), "{name}");
        }
    }
}
