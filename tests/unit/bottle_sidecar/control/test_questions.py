import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from bottle_sidecar.control.protocol import Ask, Decide, Notice
from bottle_sidecar.control.questions import MOST_OPEN, Questions, TooManyQuestionsError


def ask(key: str) -> Ask:
    return Ask(key=key, what="push", title="t", text="")


def tried(test: Callable[[Questions, list[Ask | Notice]], Coroutine[Any, Any, None]]) -> None:
    put: list[Ask | Notice] = []

    async def run() -> None:
        await test(Questions(put.append), put)

    asyncio.run(run())


def test_a_question_is_put_once_and_all_who_ask_get_the_answer() -> None:
    async def test(questions: Questions, put: list[Ask | Notice]) -> None:
        asking = [asyncio.create_task(questions.ask(ask("a"))) for _ in range(3)]
        await asyncio.sleep(0)
        questions.decided(Decide(key="a", approved=True))

        assert [answer.approved for answer in await asyncio.gather(*asking)] == [True] * 3
        assert (await questions.ask(ask("a"))).approved
        assert put == [ask("a")]

    tried(test)


def test_one_whose_asker_is_gone_stays_open() -> None:
    async def test(questions: Questions, put: list[Ask | Notice]) -> None:
        asking = asyncio.create_task(questions.ask(ask("a")))
        await asyncio.sleep(0)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        questions.decided(Decide(key="a", approved=False, reason="no"))

        assert (await questions.ask(ask("a"))).reason == "no"
        assert len(put) == 1

    tried(test)


def test_the_first_answer_counts_even_before_the_question() -> None:
    async def test(questions: Questions, put: list[Ask | Notice]) -> None:
        questions.decided(Decide(key="a", approved=False))
        questions.decided(Decide(key="a", approved=True))

        assert not (await questions.ask(ask("a"))).approved
        assert put == []

    tried(test)


def test_no_more_than_some_are_open() -> None:
    async def test(questions: Questions, put: list[Ask | Notice]) -> None:
        asking = [asyncio.create_task(questions.ask(ask(str(number)))) for number in range(MOST_OPEN)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyQuestionsError):
            await questions.ask(ask("one more"))
        assert len(put) == MOST_OPEN
        questions.decided(Decide(key="0", approved=True))
        asking.append(asyncio.create_task(questions.ask(ask("one more"))))
        await asyncio.sleep(0)
        assert len(put) == MOST_OPEN + 1
        for task in asking:
            task.cancel()

    tried(test)


def test_what_needs_no_answer_is_just_told() -> None:
    async def test(questions: Questions, put: list[Ask | Notice]) -> None:
        questions.tell("so it is")
        assert put == [Notice(text="so it is")]

    tried(test)
