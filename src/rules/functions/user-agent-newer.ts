/**
 * What uap-core (Apache License 2.0, Google and contributors) changed after its last release as a package: the reference
 * has it, and tells newer browsers and systems by it.
 */
import type { Definition } from './user-agent-parser.ts'

export interface DefinitionChanges {
  /** By their expression. */
  readonly removed: readonly string[]
  readonly added: readonly {
    /** The expression that they stand before; '' for the end. */
    readonly before: string
    readonly definitions: readonly Definition[]
  }[]
}

export const NEWER_BROWSERS: DefinitionChanges = {
  removed: [
    String.raw`\b(Boto3?|JetS3t|aws-(?:cli|sdk-(?:cpp|go|java|nodejs|ruby2?|dotnet-(?:\d{1,2}|core)))|s3fs)/(\d+)\.(\d+)(?:\.(\d+)|)`,
    String.raw`Mozilla.{1,200}Mobile.{1,100}(Phantom\/ios|android).(\d+)\.(\d+)\.(\d+)`,
    String.raw`(EdgiOS|EdgA)/(\d+)\.(\d+)\.(\d+)(?:\.(\d+)|)`,
    String.raw`Mobile.{0,200}(DuckDuckGo)/(\d+)`,
    String.raw`(CriOS)/(\d+)\.(\d+)\.(\d+)\.(\d+)`,
    String.raw`(Vivaldi)/(\d+)\.(\d+)\.(\d+)`,
    String.raw`(brave)/(\d+)\.(\d+)\.(\d+) Chrome`,
    'SerenityOS',
  ],
  added: [
    {
      before: String.raw`(FME)\/(\d+\.\d+)\.(\d+)\.(\d+)`,
      definitions: [
        {
          regex: String.raw`\b(Boto3?|JetS3t|aws-(?:cli|sdk-(?:cpp|go|go-v\d|java|nodejs|ruby2?|dotnet-(?:\d{1,2}|core)))|s3fs)/(\d+)\.(\d+)(?:\.(\d+)|)`,
        },
      ],
    },
    {
      before: String.raw`^.{0,200}?(?:\/[A-Za-z0-9\.]{0,50}|) {0,2}([A-Za-z0-9 \-_\!\[\]:]{0,50}(?:[Aa]rchiver|[Ii]ndexer|[Ss]craper|[Bb]ot|[Ss]pider|[Cc]rawl[a-z]{0,50}))[/ ](\d+)(?:\.(\d+)(?:\.(\d+)|)|)`,
      definitions: [{ regex: String.raw`(RecipeRadar)/(\d+)\.(\d+)(?:\.(\d+)|)` }],
    },
    {
      before: 'Mozilla.{1,100}Mobile.{1,100}(AspiegelBot|PetalBot)',
      definitions: [
        {
          regex: String.raw`Mozilla.{1,200}Mobile.{1,100}(Phantom\/ios|Phantom\/android).(\d+)\.(\d+)\.(\d+)`,
          family_replacement: 'Phantom',
        },
      ],
    },
    {
      before: String.raw`(Silk)/(\d+)\.(\d+)(?:\.([0-9\-]+)|)`,
      definitions: [
        {
          regex: String.raw`(HuaweiBrowser)/(\d+)\.(\d+)\.(\d+)\.\d+`,
          family_replacement: 'Huawei Browser',
        },
        { regex: String.raw`(AVG)/(\d+)\.(\d+)\.(\d+)\.\d+`, family_replacement: 'AVG' },
        {
          regex: String.raw`(AvastSecureBrowser|Avast)/(\d+)\.(\d+)\.(\d+)`,
          family_replacement: 'Avast Secure Browser',
        },
        { regex: String.raw`(Instabridge)/(\d+)(?:\.(\d+)|)(?:\.(\d+)|)` },
        {
          regex: String.raw`(AlohaBrowser)/(\d+)\.(\d+)\.(\d+)(?:\.(\d+)|)`,
          family_replacement: 'Aloha Browser',
        },
        {
          regex: String.raw`((?:B|b)rave(?:\sChrome)?)/(\d+)(?:\.(\d+)|)(?:\.(\d+)|)(?:\.(\d+)|)`,
          family_replacement: 'Brave',
        },
      ],
    },
    {
      before: String.raw`(OculusBrowser)/(\d+)\.(\d+).0.0(?:\.([0-9\-]+)|)`,
      definitions: [
        {
          regex: String.raw`(EdgiOS|EdgA)/(\d+)(?:\.(\d+)|)(?:\.(\d+)|)(?:\.(\d+)|)`,
          family_replacement: 'Edge Mobile',
        },
      ],
    },
    {
      before: String.raw`(Tenta/)(\d+)\.(\d+)\.(\d+)`,
      definitions: [
        {
          regex: String.raw`Mozilla.{1,200}Mobile.{1,100}(DuckDuckGo)/(\d+)`,
          family_replacement: 'DuckDuckGo Mobile',
        },
        { regex: String.raw`Mozilla.{1,200}(DuckDuckGo)/(\d+)`, family_replacement: 'DuckDuckGo' },
        {
          regex: String.raw`Mozilla.{1,200}Mobile.{1,100}(Ddg)/(\d+)(?:\.(\d+)|)`,
          family_replacement: 'DuckDuckGo Mobile',
        },
        {
          regex: String.raw`Mozilla.{1,200}(Ddg)/(\d+)(?:\.(\d+)|)`,
          family_replacement: 'DuckDuckGo',
        },
      ],
    },
    {
      before: String.raw`Version/.{1,300}(Chrome)/(\d+)\.(\d+)\.(\d+)\.(\d+)`,
      definitions: [
        {
          regex: String.raw`(Ecosia) ios@(\d+)(?:\.(\d+)|)(?:\.(\d+)|)(?:\.(\d+)|)`,
          family_replacement: 'Ecosia iOS',
        },
        {
          regex: String.raw`(Ecosia) android@(\d+)(?:\.(\d+)|)(?:\.(\d+)|)(?:\.(\d+)|)`,
          family_replacement: 'Ecosia Android',
        },
        { regex: String.raw`(VivoBrowser)\/(\d+)\.(\d+)\.(\d+)\.(\d+)` },
        { regex: String.raw`(HiBrowser)\/v(\d+)\.(\d+)\.(\d+)\.(\d+)` },
      ],
    },
    {
      before: String.raw`(Chrome)/(\d+)\.(\d+)\.(\d+)\.(\d+) Mobile(?:[ /]|$)`,
      definitions: [
        {
          regex: String.raw`(CriOS)/(\d+)(?:\.(\d+)|)(?:\.(\d+)|)(?:\.(\d+)|)`,
          family_replacement: 'Chrome Mobile iOS',
        },
      ],
    },
    {
      before: String.raw`(Chrome)/(\d+)\.(\d+)\.(\d+).{0,100} MRCHROME`,
      definitions: [
        {
          regex: String.raw`(YaSearchBrowser)/(\d+)\.(\d+)\.(\d+)`,
          family_replacement: 'Yandex Browser',
        },
      ],
    },
    {
      before: String.raw`(Edge?)/(\d+)(?:\.(\d+)|)(?:\.(\d+)|)(?:\.(\d+)|)`,
      definitions: [{ regex: String.raw`(Vivaldi)/(\d+)(?:\.(\d+)|)(?:\.(\d+)|)` }],
    },
    {
      before: '',
      definitions: [
        { regex: String.raw`(Ladybird)\/(\d+)\.(\d+)` },
        { regex: String.raw`(MullvadBrowser)/(\d+)(?:\.(\d+)|)(?:\.(\d+)|)` },
      ],
    },
  ],
}

export const NEWER_SYSTEMS: DefinitionChanges = {
  removed: [
    String.raw`CFNetwork/.{0,100} Darwin/22\.0\.\d+`,
    String.raw`CFNetwork/.{0,100} Darwin/22\.1\.\d+`,
    String.raw`CFNetwork/.{0,100} Darwin/22\.2\.\d+`,
    String.raw`CFNetwork/.{0,100} Darwin/22\.3\.\d+`,
    String.raw`CFNetwork/.{0,100} Darwin/22\.4\.\d+`,
    String.raw`(CrKey)(?:[/](\d+)\.(\d+)(?:\.(\d+)|)|)`,
    String.raw`^(Roku)/DVP-(\d+)\.(\d+)`,
  ],
  added: [
    {
      before: String.raw`(Android)[ \-/](\d+)(?:\.(\d+)|)(?:[.\-]([a-z0-9]+)|)`,
      definitions: [
        {
          regex: String.raw`(Android) (\d+)(?:\.(\d+)).*CrKey`,
          os_replacement: 'Chromecast Android',
        },
        {
          regex: String.raw`Fuchsia.*(CrKey)(?:[/](\d+)\.(\d+)(?:\.(\d+)|)|)`,
          os_replacement: 'Chromecast Fuchsia',
        },
        {
          regex: String.raw`Linux.*(CrKey)(?:[/](\d+)\.(\d+)(?:\.(\d+)|)|).*DeviceType/SmartSpeaker`,
          os_replacement: 'Chromecast SmartSpeaker',
        },
        {
          regex: String.raw`Linux.*(CrKey)(?:[/](\d+)\.(\d+)(?:\.(\d+)|)|)`,
          os_replacement: 'Chromecast Linux',
        },
      ],
    },
    {
      before: String.raw`((?:Mac[ +]?|; )OS[ +]X)[\s+/](?:(\d+)[_.](\d+)(?:[_.](\d+)|)|Mach-O)`,
      definitions: [
        { regex: String.raw`Intel Mac OS X.+(CriOS|EdgiOS)/\d+`, os_replacement: 'iOS' },
      ],
    },
    {
      before: String.raw`(Apple\s?TV)(?:/(\d+)\.(\d+)|)`,
      definitions: [{ regex: 'darwin; arm64', os_replacement: 'Mac OS X' }],
    },
    {
      before: String.raw`CFNetwork/.{0,100} Darwin/(22)\.\d+`,
      definitions: [
        {
          regex: String.raw`CFNetwork/.{0,100} Darwin/22\.([0-5])\.\d+`,
          os_replacement: 'iOS',
          os_v1_replacement: '16',
          os_v2_replacement: '$1',
        },
      ],
    },
    {
      before: 'CFNetwork/.{0,100} Darwin/',
      definitions: [
        {
          regex: String.raw`CFNetwork/.{0,100} Darwin/23\.([0-5])\.\d+`,
          os_replacement: 'iOS',
          os_v1_replacement: '17',
          os_v2_replacement: '$1',
        },
        {
          regex: String.raw`CFNetwork/.{0,100} Darwin/(23)\.\d+`,
          os_replacement: 'iOS',
          os_v1_replacement: '17',
        },
        {
          regex: String.raw`CFNetwork/.{0,100} Darwin/24\.([0-5])\.\d+`,
          os_replacement: 'iOS',
          os_v1_replacement: '18',
          os_v2_replacement: '$1',
        },
        {
          regex: String.raw`CFNetwork/.{0,100} Darwin/(24)\.\d+`,
          os_replacement: 'iOS',
          os_v1_replacement: '18',
        },
      ],
    },
    {
      before: '',
      definitions: [
        {
          regex: String.raw`^(Roku)/DVP-(\d+)\.(\d+)`,
          os_replacement: 'Mac OS X',
          os_v1_replacement: '$1',
          os_v2_replacement: '$2',
          os_v3_replacement: '$3',
        },
      ],
    },
  ],
}
