"""body_budget: requests share a number of bytes, first come first served."""

import asyncio

from function.body_budget import BodyBudget


async def turns(budget: BodyBudget, *sizes: float) -> list["asyncio.Task[None]"]:
    tasks = [asyncio.create_task(budget.take(size)) for size in sizes]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def done(tasks: list["asyncio.Task[None]"]) -> list[bool]:
    return [task.done() for task in tasks]


def test_a_request_that_fits_goes_on_at_once_and_the_others_wait_in_order() -> None:
    async def main() -> None:
        budget = BodyBudget(10)
        tasks = await turns(budget, 6, 4, 5, 1)
        assert done(tasks) == [True, True, False, False]
        budget.give_back(4)
        await asyncio.sleep(0)
        assert done(tasks) == [True, True, False, False], "a small one does not overtake"
        budget.give_back(6)
        await asyncio.sleep(0)
        assert done(tasks) == [True] * 4

    asyncio.run(main())


def test_a_cancelled_wait_takes_no_bytes_and_lets_the_later_requests_go_on() -> None:
    async def main() -> None:
        budget = BodyBudget(10)
        tasks = await turns(budget, 9, 5, 1)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert tasks[2].done()
        budget.give_back(10)
        await asyncio.wait_for(budget.take(10), 1)

    asyncio.run(main())


def test_a_wait_that_is_cancelled_just_when_it_is_admitted_gives_its_bytes_back() -> None:
    async def main() -> None:
        budget = BodyBudget(10)
        tasks = await turns(budget, 10, 10)
        budget.give_back(10)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(budget.take(10), 1)

    asyncio.run(main())
