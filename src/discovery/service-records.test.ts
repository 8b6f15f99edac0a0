import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordedService, recordedText, recordsOf } from '../../test/support/mdns-responder.ts';
import { parseMeshcopText } from './meshcop-text.ts';
import { type DnsRecord, instanceName, ServiceRecords } from './service-records.ts';

const records = recordsOf({
  name: 'OtLab OtLabBR #9FCC',
  host: 'ot52a10c4208649fcc',
  addresses: ['fe80::1', 'fd1a::1', '192.168.1.20'],
}) as readonly DnsRecord[];

const pointer: DnsRecord = {
  type: 'PTR',
  name: recordedService,
  data: `OtLab OtLabBR #9FCC.${recordedService}`,
};

function gather(...packets: (readonly DnsRecord[])[]): ServiceRecords {
  const gathered = new ServiceRecords(recordedService);
  for (const packet of packets) gathered.add(packet);
  return gathered;
}

describe('the records of a service', () => {
  it('join in any order and over any number of packets', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...records], { minLength: records.length }), (shuffled) => {
        const [instance] = gather(...shuffled.map((record) => [record])).instances();
        expect(instance).toMatchObject({
          name: 'OtLab OtLabBR #9FCC',
          host: 'ot52a10c4208649fcc.local',
          port: 49_154,
        });
        expect([...(instance?.addresses ?? [])].sort()).toEqual(['192.168.1.20', 'fd1a::1', 'fe80::1']);
      }),
    );
  });

  it('take names in any case', () => {
    const shouting = records.map((record) => ({ ...record, name: record.name.toUpperCase() }));
    const [instance, ...others] = gather(records.slice(0, 1), shouting).instances();
    expect(others).toEqual([]);
    expect(instance?.addresses).toHaveLength(3);
  });

  it('leave out other services, and who says goodbye', () => {
    expect(
      gather([{ type: 'PTR', name: '_http._tcp.local', data: 'x._http._tcp.local' }]).instances(),
    ).toEqual([]);
    expect(gather([{ type: 'PTR', name: recordedService, data: 'x._http._tcp.local' }]).instances()).toEqual(
      [],
    );
    expect(gather(records, [{ ...pointer, ttl: 0 }]).instances()).toEqual([]);
  });

  it('name what is still to be asked', () => {
    const gathered = gather(records.slice(0, 1));
    expect(gathered.missing().map(({ type }) => type)).toEqual(['SRV', 'TXT']);
    gathered.add(records.slice(1, 3));
    expect(gathered.missing()).toEqual([
      { type: 'AAAA', name: 'ot52a10c4208649fcc.local' },
      { type: 'A', name: 'ot52a10c4208649fcc.local' },
    ]);
    gathered.add(records.slice(3));
    expect(gathered.missing()).toEqual([]);
  });

  it('stay within bounds however much comes', () => {
    const gathered = new ServiceRecords(recordedService);
    for (let round = 0; round < 100; round += 1)
      gathered.add(
        Array.from({ length: 100 }, (_, index): DnsRecord[] => [
          { type: 'PTR', name: recordedService, data: `${round}-${index}.${recordedService}` },
          {
            type: 'SRV',
            name: `${round}-${index}.${recordedService}`,
            data: { port: 1, target: 'host.local' },
          },
          { type: 'AAAA', name: 'host.local', data: `fd00::${round}:${index}` },
        ]).flat(),
      );
    expect(gathered.instances()).toHaveLength(64);
    expect(gathered.instances()[0]?.addresses).toHaveLength(16);
  });

  it('survive whatever is decoded', () => {
    const data = fc.oneof(
      fc.anything(),
      fc.constant(`x.${recordedService}`),
      fc.record({ port: fc.anything(), target: fc.anything() }),
      fc.array(
        fc.oneof(
          fc.string(),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
      ),
    );
    const record = fc.record({
      type: fc.constantFrom('PTR', 'SRV', 'TXT', 'A', 'AAAA', 'NSEC'),
      name: fc.oneof(
        fc.constantFrom(recordedService, `x.${recordedService}`, '__proto__', `__proto__.${recordedService}`),
        fc.string(),
      ),
      data,
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), (packet) => {
        const gathered = gather(packet);
        gathered.missing();
        for (const { name, txt } of gathered.instances()) {
          expect(name.length).toBeLessThanOrEqual(64);
          parseMeshcopText(txt);
        }
      }),
    );
  });
});

describe('the name of an instance', () => {
  it('loses its service and its escapes', () => {
    expect(instanceName(`Salon\\032\\195\\169t\\195\\169\\.2.${recordedService}`, recordedService)).toBe(
      'Salon été.2',
    );
    expect(instanceName(`A.B.${recordedService.toUpperCase()}`, recordedService)).toBe('A.B');
    expect(instanceName(`odd\\999\\.${recordedService}`, recordedService)).toBe('odd\\999\\');
    expect(instanceName('\u001b[31mred', recordedService)).toBe('[31mred');
  });
});

describe('the TXT record', () => {
  it('is read as recorded', () => {
    expect(parseMeshcopText(recordedText())).toEqual({
      networkName: 'OtLab',
      extPanId: '1a2b3c4d5e6f7081',
      extAddress: '52a10c4208649fcc',
      agentId: '0f7f7e322ae5942ca9ceb1bedeeddaf4',
      partitionId: 0x25f3f971,
      activeTimestamp: '0000000000010000',
      vendor: 'OtLab',
      model: 'OtLabBR',
      threadVersion: '1.4.0',
      threadActive: true,
      omrPrefix: 'fd7c:8336:ffd4:1::/64',
    });
  });

  it('may have hex digits where others have bytes, and equals signs in values', () => {
    expect(parseMeshcopText(recordedText({ xa: '0x52A10C4208649FCC', nn: 'a=b' }))).toMatchObject({
      extAddress: '52a10c4208649fcc',
      networkName: 'a=b',
    });
  });

  it('leaves out what is odd', () => {
    const odd = recordedText({
      xa: 'short',
      pt: '',
      sb: 'x',
      omr: Buffer.from([200, 1]),
      nn: Buffer.from([0, 7]),
    });
    expect(parseMeshcopText([...odd, Buffer.from('=nokey'), Buffer.from('flag')])).toMatchObject({
      extAddress: null,
      partitionId: null,
      threadActive: null,
      omrPrefix: null,
      networkName: null,
      extPanId: '1a2b3c4d5e6f7081',
    });
  });

  it('is never fatal', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (entries) => {
        parseMeshcopText([
          ...entries,
          ...entries.map((entry) => Buffer.concat([Buffer.from('omr='), entry])),
        ]);
      }),
    );
  });
});
