"""The words of the simulated customers: complaints, reviews and private messages, for each simulated company."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOPICS = ("app", "billing", "delivery", "quality", "price", "service")
"""What trouble can be about, in the order of the topic codes.

'quality' is the network, the goods or the working of the software; 'delivery' is the router and the technician, the
parcel, or the import of data and help with the start."""


@dataclass(frozen=True)
class Words:
    """What the customers of one company write.

    A complaint is an opener (which may be empty), a sentence about the trouble and a closer, which begins with a space.
    Trouble has a tuple of sentences for each topic; reviews, and messages to friends, have a tuple for 1 to 5 stars.
    """

    openers: tuple[str, ...]
    trouble: tuple[tuple[str, ...], ...]
    closers: tuple[str, ...]
    reviews: tuple[tuple[str, ...], ...]
    messages: tuple[tuple[str, ...], ...]


def _blocks(text: str) -> tuple[tuple[str, ...], ...]:
    """The texts of each block, without its label; a bar stands between two texts, and further lines are indented.

    >>> _blocks("1: Bad. | Never again. |\\n    No.\\n2: Poor.")
    (('Bad.', 'Never again.', 'No.'), ('Poor.',))
    """
    blocks = text.strip().replace("\n ", " ").splitlines()
    return tuple(tuple(" ".join(part.split()) for part in block.partition(":")[2].split("|")) for block in blocks)


_OPENERS = (
    "",
    "Hello, ",
    "Good morning. ",
    "Please look into this. ",
    "I am sorry to bother you, but ",
    "I do not complain easily, but ",
    "I am writing because I am not happy. ",
    "Enough is enough. ",
)
_CLOSERS = (
    " Please put it right.",
    " How can that be?",
    " I expect an answer this week.",
    " What are you going to do about it?",
    " This is really tiring.",
    " I am running out of patience.",
    " Thank you for looking into it.",
)

_TELECOM = Words(
    openers=(*_OPENERS, "I really do not ask for much, but ", "I can hardly believe it, but "),
    closers=(*_CLOSERS, " Could somebody call me?", " If this goes on, I will leave.", " I mean it."),
    trouble=_blocks("""
app: I tried to change my plan in the app and the button does nothing. | the website rejects my password. |
    the app closes by itself whenever I look at my data usage. | your website stops with an error, every single time. |
    the login on your website has not worked for three days. | the app says my data are used up, and they are not. |
    I cannot log in since the last update of the app. | the app asks for a code that is never sent to me.
billing: my payment was refused although there is enough money in the account. | you charged me twice this month. |
    there is a fee on my bill that makes no sense to me. | the refund you promised is not on this bill either. |
    I was sent a reminder for a bill that I have paid. | I was billed for calls abroad that I never made. |
    my bill lists a second number that is not mine. | the direct debit was taken a week early.
delivery: the router was promised for last week and has still not come. | you sent the router to my old address. |
    the technician came without the right cable and left again. | the installation has been moved for the third time. |
    I took a day off for the technician, who never appeared. | my new SIM card has been on its way for ten days. |
    the technician did not keep the appointment. | the router arrived with a broken plug.
quality: films stop every few minutes because the connection is so unsteady. | the connection drops every evening. |
    I pay for fast internet and get a fraction of the speed. | the signal has got worse since you worked on the mast. |
    the internet is so slow that I cannot work from home. | I have had no reception at home since Monday. |
    the signal is so weak that calls break off. | the whole street had no network last night.
price: your posters offer a cheaper plan, and I am told I cannot have it. |
    my plan has become more expensive and I use no more than before. | I was promised a lower price and never got it. |
    I heard of the new price when I had already paid it. | new customers get the same plan for half my price. |
    the price went up again and nothing got better. | you raised the monthly price without asking me. |
    I was never told that the discount would end.
service: I waited forty minutes on the phone and then the line went dead. |
    I have explained my problem to four different people now. | I have had no reply to my question for two weeks. |
    the chat was closed before anybody had read my question. | you told me it was solved, and it is not solved. |
    all I get are answers that somebody copied from a list. | your hotline passes me from one department to the next. |
    I have sent two emails and nobody has answered.
"""),
    reviews=_blocks("""
1: They raise the price and the network gets worse. I feel cheated. | I would give no star at all if I could. |
    Never again. The internet is down more often than it works. | Worst provider I have ever had. |
    Stay away. You wait for an hour and then nobody can help. |
    A week without a connection and not a word of apology.
2: The connection drops most evenings, and the hotline does not care. |
    Not worth the money. Friends of mine have already changed. | The technician was friendly but came a week late. |
    Signing up was easy. Everything after that was hard work. | Slow internet for a high price. I expected much more. |
    Reception is fine in town and hopeless everywhere else.
3: Fast in the morning, slow in the evening. Average, I would say. | The start was rough, now it runs well enough. |
    Neither good nor bad. The network is fine, the hotline is not. | Does what it should, but do not expect help. |
    It works on most days. I expected more for the price. | Okay for the money. The app could be better.
4: Good reception nearly everywhere. The app is a little slow. | Solid network, fair price. No complaints from me. |
    Friendly people on the phone. It could be a bit cheaper. | Reliable and easy to use, only the wait was long. |
    The router took a few days, but since then all is well. | Had one outage, and it was fixed the same day.
5: I called with a question and had the answer in five minutes. | Very happy, everything worked from the first day. |
    Fair price and no surprises. I have told my whole family. | Best network I have had so far, even in the cellar. |
    The technician was on time, quick and polite. Thank you. |
    Fast internet and a clear bill. What more could I want?
"""),
    messages=_blocks("""
1: I am done with my provider. As soon as I find something else, I am gone. |
    Calling them is pointless, they read from a script. I will just leave. | Whatever you do, do not sign with them. |
    Does anybody here know a better provider? I have had enough of mine. |
    No network again, and they do not care. Which provider do you use? |
    No internet again. I no longer bother to call.
2: What do you pay for your internet? I think I pay far too much. | Is yours slow too this week? Mine is a pain. |
    Sorry, the line dropped again. It does that all the time now. | They raised the price again. I am looking around. |
    How hard is it to change provider and keep the number? | I would not take them again, to be honest.
3: Mine is all right. Not great, but I cannot be bothered to change. | I have never really compared, it just runs. |
    I only took them because of the offer. It is fine so far. | It depends where you live. With me it works, mostly. |
    The internet is okay here, as long as you need no help. | Some days it is fast, some days it is not.
4: I am quite happy with mine, the reception is good out here too. | Not the cheapest, but it works. |
    I asked them about the bill and they were nice about it. | They sorted my router out in a day, I was surprised. |
    You could try mine, I have hardly had any trouble. | The new router is really faster. Worth the wait.
5: Shall I send you an invitation? I am really happy with them. | Finally an internet connection that just works. |
    They had me online within a day. I did not expect that. | Take the same provider as me, you will not regret it. |
    Even the garden house has reception. I am impressed. | I can recommend them, honestly.
"""),
)

_SHOP = Words(
    openers=(*_OPENERS, "I like your shop, but ", "I am disappointed. "),
    closers=(*_CLOSERS, " A short message would do.", " If this goes on, I will buy elsewhere.", " Is that fair?"),
    trouble=_blocks("""
app: the search on your website finds everything except what I type in. | the website does not accept my address. |
    since the update the app crashes as soon as I open my wish list. | your app offers me things that are sold out. |
    the app empties my basket every time I switch to another page. | the app asks for my password on every page. |
    I cannot log in to my account on the website any more. | the website freezes when I press the order button.
billing: I asked for an invoice in my company's name and never got one. | you charged my card twice for one order. |
    my payment was refused, yet the money has left my account. | I sent the shoes back and have not seen the refund. |
    you refunded only part of my money and did not say why. | I was sent a reminder for an invoice that I have paid. |
    the invoice is higher than the amount I confirmed. | you charged me for something that I had cancelled.
delivery: you sent my parcel to my old address, although I had changed it. |
    the courier left my parcel in the rain in front of the house. | half of my order was missing from the parcel. |
    you promised delivery in two days, and it took two weeks. | it says delivered, but no parcel was ever left here. |
    the tracking of my parcel has not moved for nine days. | I stayed at home all day and the courier never rang. |
    my parcel was due on Friday and has still not come.
quality: the trousers are two sizes smaller than the label says. | you sold me a lamp as new, and it was scratched. |
    the jacket I bought lost a button on the first day. | the chair wobbles and two of the screws do not fit. |
    the colour is nothing like the one in the picture. | the shoes came apart at the sole after a week. |
    the blender stopped working after three uses. | the material is thin and smells of plastic.
price: your newsletter promised twenty per cent off, and I paid the full price. |
    new customers get a discount, and those who come back get nothing. | the sale price was gone when I came to pay. |
    my discount code was rejected although it was valid until Sunday. | the price went up by a fifth overnight. |
    the day after I ordered, the same thing was a third cheaper. | you raise the price first and then call it a sale. |
    I find the same things cheaper everywhere else now.
service: every time I write, somebody else answers and I have to start again. | nobody takes care of my request. |
    the answer I got was copied and has nothing to do with my question. |
    I waited half an hour on the phone and then the line went dead. | nobody has replied to my message for two weeks. |
    I have told the same story to three of your colleagues now. | your chat is a robot that understands no question. |
    you closed my request and nothing has been solved.
"""),
    reviews=_blocks("""
1: Never again. The parcel came late and the goods were broken. | Looks good in the pictures, falls apart at home. |
    Paid, waited, got nothing. I will not order here again. | Terrible. I have wasted two weeks on one simple order. |
    Still no refund, and nobody answers. Keep away. | I was sent the wrong thing twice.
2: I had to ask three times for my money. That should not be necessary. | Late again, and the box was crushed. |
    The goods are so so, and sending them back is a nightmare. | The size guide is useless. Half of it went back. |
    Nice choice, poor quality. I expected better. | Cheaper elsewhere, and faster too.
3: Fine on the whole. Delivery took longer than promised. | One thing was good, the other one went back. Average. |
    It came, it fits, the colour is a bit different. | Okay for the price, but do not expect too much. |
    Ordering is easy, getting an answer is not. | The quality is mixed. You have to be lucky.
4: Good quality and well packed. Delivery took a day longer. | Had to send one thing back, and that was quite easy. |
    Large choice and fair prices. The app is a little slow. | Quick answer to my question. I would buy here again. |
    I order here now and then, and it has been fine. | All as described. Only the box was damaged.
5: Well packed, fast and cheaper than in town. Thank you. | Lovely quality, even nicer than in the pictures. |
    Something was missing, and it came the next day. | Easy to return, and the money was back at once. |
    Ordered on Monday, here on Tuesday. Perfect. | My favourite shop. I always find something.
"""),
    messages=_blocks("""
1: It broke after a week. I did not even complain, I just buy elsewhere now. |
    Where do you buy your things? I have had enough of that shop. | I have deleted their app. What a waste of time. |
    My parcel is lost and they could not care less. Never again. | Does anybody know a shop that really answers? |
    Do not order there. I am still running after my money.
2: The jacket is awful, look at that seam. I should have gone to town. |
    Is your parcel late as well? Mine has been on its way for ever. |
    I found the same thing for less, of course after I had paid. | They used to be cheaper. I look around first now. |
    Not sure I will order there again, the quality was poor. | Sending it back is such a bother, I just kept it.
3: Some things are good, some are not. Read the reviews first. | It is okay, just check the size before you order. |
    No idea if they are good, I have only ordered small things. | I got it there, but any other shop would do. |
    I only buy there when there is a sale. | Mine came a bit late, but it came.
4: I quite like them, the quality is better than I thought. | These shoes are from there. Not bad, are they? |
    Try that shop, they usually have it in stock. | I sent something back and it was quite easy. |
    My order came a day early, I was surprised. | They swapped the lamp without any fuss.
5: They sent me a new one at once and I could keep the old one. | Ordered last night and it is already here. |
    Shall I order something for you too? They are really good. | You have to look at that shop, I love their things. |
    Everybody asks me where the coat is from. | I get all my presents there, honestly.
"""),
)

_SOFTWARE = Words(
    openers=(*_OPENERS, "Dear team, ", "We like the product, but "),
    closers=(*_CLOSERS, " Please see to it by Friday.", " My boss is asking, too.", " We cannot go on like this."),
    trouble=_blocks("""
app: since the new design of the website our team cannot find the settings. |
    I cannot approve anything in the mobile app, the button stays grey. | your website stays empty after the login. |
    the app does not show the tasks that I see on the computer. | I cannot log in since you changed the login page. |
    the app sends no notifications any more, so we miss things. | the mobile app logs us out several times a day. |
    the password reset on your website leads to an error page.
billing: the invoice carries the wrong tax number again. | the credit note you promised us is not on the invoice. |
    there is an item on the invoice that we never ordered. | we removed three users and are still billed for them. |
    our payment is marked as missing although the bank shows that it went out. | we were charged twice this month. |
    you charged us for twelve users and we have nine. | I received a reminder for an invoice that we have paid.
delivery: our old data were to be imported last week, and nothing has happened. |
    the set-up session was cancelled an hour before the start. | the import of our data has been stuck since Tuesday. |
    the import mixed up first and last names in every record. | you promised to call me back on Monday and did not. |
    we have still not had the set-up help that was agreed. | your consultant did not appear for the set-up. |
    a callback was promised twice and never came.
quality: since the last release the totals in the reports are wrong. | the same bug comes back with every release. |
    the system is so slow in the morning that we cannot work. | the calendar has a bug that moves all our meetings. |
    saving a single entry takes almost a minute, it is that slow. | the search freezes as soon as two people use it. |
    the export crashes with any report over a hundred rows. | we lost half a day because the system was down again.
price: our budget was fixed, and you raised the price in the middle of the year. |
    we were promised the old price for another year, and it has gone up. | comparable software is far cheaper by now. |
    you announced the new prices only two weeks before they apply. | we were never told that our discount would end. |
    the price per user went up by a fifth and nothing got better. | new customers get a discount that we are refused. |
    what we use most has been moved to a more expensive plan.
service: support answers once a day, always with a question. | your support only sends links to help pages. |
    I waited forty minutes in the support queue and then gave up. | our ticket is passed from one person to the next. |
    our ticket has been open for two weeks without a reply. | the ticket was closed and nothing had been solved. |
    I have explained the problem to four different people now. | all we get from support are copied answers.
"""),
    reviews=_blocks("""
1: The sales people promise everything. Afterwards nobody calls back. | Our data were imported wrongly. |
    The whole team hates it. We are looking for something else. | We lost two days of work after the last release. |
    The price goes up every year and nothing is ever fixed. | Slow, full of bugs, and support is silent. Avoid it.
2: Support copies answers from the help pages. That does not help. | It was better before the new design. |
    Good idea, poorly done. It is far too slow for daily work. | Too expensive for what it does. Others do it better. |
    Half of the functions are hidden and the other half crash. | Setting it up took weeks, with hardly any help.
3: Some good functions, some old bugs. Average for the price. | Works well on the computer, less so on the phone. |
    Fine for a small team. We are getting too big for it. | It took us a while to get used to it. Now it is okay. |
    It does the job, but the reports are slow. | Support is friendly, it just takes days.
4: Had one outage, and they told us openly what had happened. | Easy to learn, and support answers within a day. |
    Does all we need. A little expensive for small companies. | Solid. The import of our data took two attempts. |
    Saves us a lot of time. The mobile app could be better. | We use it every day and rarely have trouble.
5: We moved from a spreadsheet and would never go back. | Best tool we have bought so far. The whole team uses it. |
    Fast, clear and reliable. Month end takes half the time now. | Set up in one afternoon, with very patient help. |
    I reported a bug in the morning and it was fixed by the evening. | Fair price and people who listen. Recommended.
"""),
    messages=_blocks("""
1: They raised the price again. I am moving us somewhere else this year. | We are already testing something else. |
    Everybody here is back to spreadsheets, that tool is such a pain. |
    I have stopped sending them tickets, it is no use. | Do not buy it. We have had nothing but trouble. |
    Which software do you use? Ours is down again.
2: What do you pay per user? I think ours is far too expensive. | Is it just us or is it slow for you as well? |
    The demo looked great. Daily work with it is another matter. | Half of my team do not even log in any more. |
    My boss asked me to look for alternatives, any ideas? | Honestly, I would not choose it again.
3: We have it because the last manager chose it. It works. | You can try it, just plan some time for the set-up. |
    Good for small teams, I am not so sure about yours. | It does what we need. That is all I can say. |
    It is okay. We use perhaps a third of it. | The reports are fine, the rest is so so.
4: It costs a bit, but I would not want to be without it. | We are quite happy with it, and support is friendly. |
    The new release is really faster, I was surprised. | Have a look at ours, it saves me an hour a day. |
    They fixed our import within two days. Not bad. | Even my colleagues in accounting like it.
5: Somebody there really helps you when you ask. That is rare. | Best decision of the year, and the team loves it. |
    If you change, take this one. I would buy it again at once. | Take the same one as us, you will not regret it. |
    I can recommend it, honestly. Come by and I will show you. | We closed the month in one day, for once.
"""),
)

WORDS = {"telecom": _TELECOM, "shop": _SHOP, "software": _SOFTWARE}
"""The words for each preset of the simulator."""


def complaint_texts(words: Words, topic: NDArray[np.int64], rng: np.random.Generator) -> list[str]:
    """One complaint for each topic code; every complaint takes three draws.

    >>> complaint_texts(WORDS["telecom"], np.array([4]), np.random.default_rng(11))
    ['Hello, I heard of the new price when I had already paid it. Thank you for looking into it.']
    """
    texts = []
    for code, (first, second, third) in zip(topic.tolist(), rng.random((len(topic), 3)).tolist(), strict=True):
        opener, trouble = _pick(words.openers, first), _pick(words.trouble[code], second)
        if not opener or opener.endswith(". "):
            trouble = trouble[0].upper() + trouble[1:]
        texts.append(opener + trouble + _pick(words.closers, third))
    return texts


def post_texts(
    words: Words, stars: NDArray[np.int64], private: NDArray[np.bool_], rng: np.random.Generator
) -> list[str]:
    """What is written with so many stars (1 to 5): a review, or where private a message to friends; one draw each.

    >>> post_texts(WORDS["shop"], np.array([1, 5]), np.array([False, True]), np.random.default_rng(11))
    ['Never again. The parcel came late and the goods were broken.',
     'Shall I order something for you too? They are really good.']
    """
    return [
        _pick((words.messages if friends else words.reviews)[star - 1], draw)
        for star, friends, draw in zip(stars.tolist(), private.tolist(), rng.random(len(stars)).tolist(), strict=True)
    ]


def _pick(texts: tuple[str, ...], draw: float) -> str:
    """The text at a draw from 0 to 1 (never 1 itself)."""
    return texts[int(draw * len(texts))]
