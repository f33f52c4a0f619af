# The tour with the asynchronous half of wxc-sdk: several calls at a time.
import asyncio
import os
import sys

from wxc_sdk.as_api import AsWebexSimpleApi
from wxc_sdk.as_rest import AsRestError, AsRestSession
from wxc_sdk.devices import TagOp
from wxc_sdk.people import Person
from wxc_sdk.workspaces import Workspace

AsRestSession.BASE = os.environ['SDK_BASE']


async def refused(status, call):
    try:
        await call
    except AsRestError as error:
        assert error.status == status, error
        assert error.detail.tracking_id, 'the tracking id that Cisco support asks for'
    else:
        raise AssertionError(f'{call} was not refused')


async def tour(api):
    # Pages, all kinds at once.
    me, people, devices, workspaces, organisations, licenses, locations, numbers = await asyncio.gather(
        api.people.me(),
        api.people.list(max=60),
        api.devices.list(max=15),
        api.workspaces.list(),
        api.organizations.list(),
        api.licenses.list(),
        api.locations.list(),
        api.telephony.phone_numbers(max=100),
    )
    assert len({person.person_id for person in people}) == 250 and len({device.device_id for device in devices}) == 40
    assert len(organisations) == 1 and licenses and locations and numbers

    # One by one, five at once.
    details = await asyncio.gather(*(api.people.details(person.person_id) for person in people[:5]))
    assert [person.display_name for person in details] == [person.display_name for person in people[:5]]
    rooms = await asyncio.gather(*(api.workspaces.details(workspace.workspace_id) for workspace in workspaces[:5]))
    assert [room.display_name for room in rooms] == [workspace.display_name for workspace in workspaces[:5]]
    pages = [page async for page in api.people.list_gen(max=130)]
    assert len(pages) == 250

    # What a device says and does, and its tags.
    device = next(one for one in devices if one.workspace_id and one.product_type == 'roomdesk').device_id
    await api.xapi.execute_command('Audio.Volume.Set', device, {'Level': 23})
    status = await api.xapi.query_status(device, ['Audio.Volume', 'Standby.State'])
    assert status.result['Audio']['Volume'] == 23 and status.result['Standby']['State'] == 'Off'
    assert (await api.devices.modify_device_tags(device, TagOp.add, ['toured'])).tags == ['toured']
    assert [one.device_id for one in await api.devices.list(tag='toured')] == [device]

    # Three workspaces come, change and go, at once.
    async def passing(name):
        created = await api.workspaces.create(Workspace(display_name=name, capacity=4))
        created.capacity = 12
        assert (await api.workspaces.update(created.workspace_id, created)).capacity == 12
        await api.workspaces.delete_workspace(created.workspace_id)
        return created.workspace_id

    # Three colleagues come, and talk.
    async def colleague(name):
        person = await api.people.create(Person(emails=[f'{name}.tour@example.com'], display_name=name))
        person.display_name = f'{name} Tour'
        assert (await api.people.update(person)).display_name == f'{name} Tour'
        return person.person_id

    colleagues = await asyncio.gather(*(colleague(name) for name in ('ann', 'bea', 'cem')))
    room = await api.rooms.create(title='Tour')
    await asyncio.gather(*(api.membership.create(room_id=room.id, person_id=person) for person in colleagues))
    assert {one.person_id for one in await api.membership.list(room_id=room.id)} == {me.person_id, *colleagues}
    messages = await asyncio.gather(*(api.messages.create(room_id=room.id, text=f'number {number}') for number in range(3)))
    assert {one.id for one in await api.messages.list(room_id=room.id)} == {message.id for message in messages}
    await api.rooms.delete(room.id)
    await asyncio.gather(*(api.people.delete_person(person) for person in colleagues))

    gone = await asyncio.gather(*(passing(f'Tour Room {number}') for number in range(3)))

    # What is not there, and what this token may not.
    await asyncio.gather(
        refused(404, api.workspaces.details(gone[0])),
        refused(404, api.people.details(gone[0])),
        refused(404, api.devices.details(gone[0])),
        refused(403, api.meetings.list()),
        refused(404, api.xapi.query_status(gone[0], ['Audio.Volume'])),
    )

    # What is asked for too often: the SDK waits, and goes on.
    print('too often', file=sys.stderr, flush=True)
    input()
    for _ in range(int(os.environ['SDK_LIMIT']) + 1):
        assert len(await api.locations.list()) == len(locations)


async def main():
    async with AsWebexSimpleApi() as api:
        await tour(api)


asyncio.run(main())
