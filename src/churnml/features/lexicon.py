"""English words: what they feel like, what they are about, and how English is recognised. Written for churnml.

Words of feeling are those that customers use of companies. A word that says what went wrong (`late`, `broken`) carries
feeling as well as topic. Word endings are listed where the ending changes nothing.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FEELING = {
    3.0: """excellent outstanding superb fantastic amazing wonderful brilliant perfect perfectly delighted love loved
        loves best awesome exceptional flawless""",
    2.0: """great happy pleased glad thank thanks thankful grateful impressed recommend recommended recommending
        helpful friendly satisfied enjoy enjoyed enjoying reliable smooth smoothly appreciate appreciated lovely
        superior trustworthy quick quickly fast easy easily polite courteous""",
    1.0: """good nice fine fair better improved improvement works worked working solved fixed resolved sorted clear
        clearly honest solid useful simple comfortable generous patient prompt promptly welcome worth surprised
        okay ok decent professional correct safe affordable""",
    -1.0: """slow slowly late delay delays delayed wait waited waiting problem problems issue issues difficult hard
        confusing confused expensive overpriced costly missing wrong error errors mistake mistakes complicated
        unclear noisy weak outdated tired tiring old unanswered unexplained higher drops dropped crash crashes
        crashed closes interrupted reminder refused stuck explained""",
    -2.0: """bad poor poorly unhappy disappointed disappointing disappointment annoyed annoying frustrated frustrating
        frustration broken breaks faulty defective damaged unreliable unhelpful rude ignored ignore ignores fail
        fails failed failing failure unacceptable useless complaint complaints complain complaining complained
        refund overcharged lost cancel cancelled canceled cancelling leave leaving upset angry sorry dirty
        leaking dead blocked nobody unfair ridiculous nonsense incompetent impossible unprofessional fed worse
        pathetic waste wasted lie lied lies liar misleading misled cheated careless avoid tricked unsafe""",
    -3.0: """terrible horrible awful worst disgusting disgusted scam scammed fraud fraudulent hate hated appalling
        atrocious dreadful abysmal furious outrageous shameful disgraceful disgrace shocking rubbish garbage crap
        joke nightmare never disaster theft stole stolen thieves criminal""",
}
SENTIMENT: dict[str, float] = {word: weight for weight, text in _FEELING.items() for word in _words(text)}
"""Word -> feeling, from -3 to 3."""

NEGATORS = frozenset(
    _words("not no never without hardly barely cannot nor neither nothing isn wasn don doesn didn won")
)
"""Words that turn the feeling of the next few words; so does any word that ends in n't."""

TOPICS: dict[str, tuple[str, ...]] = {
    "billing": _words(
        "bill bills billing billed invoice invoices charge charged charges payment payments pay paid fee fees "
        "refund refunded debit account statement overcharged money reminder"
    ),
    "price": _words(
        "price prices pricing priced expensive overpriced cost costs costly cheaper cheap discount discounts "
        "tariff rates increase increased afford deal offer promotion"
    ),
    "delivery": _words(
        "delivery deliver delivered delivering shipping shipped shipment parcel package packaging courier arrive "
        "arrived arrives tracking dispatch dispatched appointment technician order ordered"
    ),
    "quality": _words(
        "broken breaks broke quality faulty defective damaged cracked torn leaking stopped fault faults product "
        "item material repair repaired replacement size"
    ),
    "technical": _words(
        "app website site login log password update updates crash crashes crashed error errors connection internet "
        "network signal reception router software screen page loading outage server slow speed"
    ),
    "service": _words(
        "service staff support agent agents representative advisor assistant employee manager rude helpful "
        "unhelpful friendly polite professional attitude helpline hotline desk team people somebody"
    ),
    "waiting": _words(
        "wait waited waiting waits hold queue queues hours minutes weeks late delay delays delayed reply replied "
        "answer answered answers response responded unanswered forever"
    ),
    "leaving": _words(
        "cancel cancelled canceled cancelling cancellation leave leaving switch switched switching terminate "
        "contract provider competitor competitors elsewhere unsubscribe close quit changed"
    ),
}
"""Topic -> the words that begin it. What else customers say with them is learnt."""

ENGLISH = frozenset(
    _words(
        "the and is are were be been being to of that this it its with have has had for not but my your our their "
        "you we they he she him her his them there here what which who when where why how would could should can "
        "does did if then than because about from into out up i i'm i've it's don't didn't can't won't isn't just "
        "very really too only after before again still every any all some much many never nobody nothing please"
    )
)
"""Function words: a text in English can hardly do without them. Those that other languages write alike are left out."""
