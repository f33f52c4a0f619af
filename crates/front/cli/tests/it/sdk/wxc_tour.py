# A tour with wxc-sdk, as it is; the token comes from WEBEX_ACCESS_TOKEN.
import os
import sys

from wxc_sdk import WebexSimpleApi
from wxc_sdk.devices import TagOp
from wxc_sdk.rest import RestError, RestSession
from wxc_sdk.workspaces import Workspace

RestSession.BASE = os.environ['SDK_BASE']


def refused(status, call, *arguments, **named):
    try:
        list(call(*arguments, **named) or [])
    except RestError as error:
        assert error.response.status_code == status, error
        assert error.detail.tracking_id, 'the tracking id that Cisco support asks for'
    else:
        raise AssertionError(f'{call} was not refused')


with WebexSimpleApi() as api:
    # People, and pages of them.
    me = api.people.me()
    people = list(api.people.list(max=60))
    assert len({person.person_id for person in people}) == 250
    assert [person.person_id for person in api.people.list(email=me.emails[0])] == [me.person_id]
    assert me.person_id in {person.person_id for person in api.people.list(display_name=me.display_name)}
    assert api.people.details(people[7].person_id).display_name == people[7].display_name
    assert api.people.details(me.person_id, calling_data=True).org_id == me.org_id

    # What the organisation has.
    organisation, = api.organizations.list()
    assert api.organizations.details(organisation.org_id).display_name == organisation.display_name
    assert 'Webex Calling - Professional' in {license.name for license in api.licenses.list()}
    locations = list(api.locations.list())
    assert all(location.name for location in locations)
    assert all(number.phone_number or number.extension for number in api.telephony.phone_numbers(max=100))

    # Devices, and pages of them.
    devices = list(api.devices.list(max=15))
    assert len({device.device_id for device in devices}) == 40
    device = api.devices.details(next(one.device_id for one in devices if one.workspace_id and one.product_type == 'roomdesk'))
    assert device.device_id in {one.device_id for one in api.devices.list(workspace_id=device.workspace_id)}
    assert api.devices.modify_device_tags(device.device_id, TagOp.add, ['toured']).tags == ['toured']
    assert [one.device_id for one in api.devices.list(tag='toured')] == [device.device_id]
    assert not api.devices.modify_device_tags(device.device_id, TagOp.remove).tags

    # What a device says and does.
    assert api.xapi.query_status(device.device_id, ['Audio.Volume']).result['Audio']['Volume'] == 50
    api.xapi.execute_command('Audio.Volume.Set', device.device_id, {'Level': 23})
    assert api.xapi.query_status(device.device_id, ['Audio.Volume']).result['Audio']['Volume'] == 23

    # A workspace comes, changes and goes.
    workspaces = list(api.workspaces.list())
    assert len({workspace.workspace_id for workspace in workspaces}) == len(workspaces)
    assert api.workspaces.details(device.workspace_id).workspace_id == device.workspace_id
    assert api.workspaces.capabilities(device.workspace_id)
    created = api.workspaces.create(Workspace(display_name='Tour Room', capacity=4))
    created.capacity = 12
    assert api.workspaces.update(created.workspace_id, created).capacity == 12
    assert [room.workspace_id for room in api.workspaces.list(display_name='Tour Room')] == [created.workspace_id]
    assert api.devices.activation_code(workspace_id=created.workspace_id).code
    api.workspaces.delete_workspace(created.workspace_id)

    # What is not there, and what this token may not.
    refused(404, api.workspaces.details, created.workspace_id)
    refused(404, api.people.details, created.workspace_id)
    refused(404, api.devices.details, created.workspace_id)
    refused(403, api.meetings.list)

    # What is asked for too often: the SDK waits, and goes on.
    print('too often', file=sys.stderr, flush=True)
    input()
    for _ in range(int(os.environ['SDK_LIMIT']) + 1):
        assert len(list(api.locations.list())) == len(locations)
