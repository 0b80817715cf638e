"""body_budget: so many bytes at once, and the first that waits is the first to go on."""

import asyncio

from function.body_budget import BodyBudget


async def turns(room: BodyBudget, *sizes: float) -> list["asyncio.Task[None]"]:
    tasks = [asyncio.create_task(room.take(size)) for size in sizes]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def done(tasks: list["asyncio.Task[None]"]) -> list[bool]:
    return [task.done() for task in tasks]


def test_who_fits_beside_the_others_goes_on_at_once_and_who_does_not_waits_in_order() -> None:
    async def main() -> None:
        room = BodyBudget(10)
        tasks = await turns(room, 6, 4, 5, 1)
        assert done(tasks) == [True, True, False, False]
        room.give_back(4)
        await asyncio.sleep(0)
        assert done(tasks) == [True, True, False, False], "a small one does not overtake"
        room.give_back(6)
        await asyncio.sleep(0)
        assert done(tasks) == [True] * 4

    asyncio.run(main())


def test_one_that_waits_no_more_takes_no_room_and_lets_those_behind_it_go_on() -> None:
    async def main() -> None:
        room = BodyBudget(10)
        tasks = await turns(room, 9, 5, 1)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert tasks[2].done()
        room.give_back(10)
        await asyncio.wait_for(room.take(10), 1)

    asyncio.run(main())


def test_one_that_is_cancelled_just_when_it_is_let_in_gives_its_room_back() -> None:
    async def main() -> None:
        room = BodyBudget(10)
        tasks = await turns(room, 10, 10)
        room.give_back(10)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(room.take(10), 1)

    asyncio.run(main())
