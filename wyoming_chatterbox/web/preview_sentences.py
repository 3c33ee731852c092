"""Sentences by which people hear how a voice sounds: the same in each language, without digits or symbols."""

SENTENCES = {
    "ar": "صباح الخير. إنها السابعة والنصف، والضوء في المطبخ مضاء.",
    "da": "Godmorgen. Klokken er halv otte, og lyset i køkkenet er tændt.",
    "de": "Guten Morgen. Es ist halb acht, und in der Küche brennt Licht.",
    "el": "Καλημέρα. Η ώρα είναι εφτάμισι και το φως στην κουζίνα είναι αναμμένο.",
    "en": "Good morning. It is half past seven, and the kitchen light is on.",
    "es": "Buenos días. Son las siete y media, y la luz de la cocina está encendida.",
    "fi": "Hyvää huomenta. Kello on puoli kahdeksan, ja keittiön valo on päällä.",
    "fr": "Bonjour. Il est sept heures et demie, et la lumière de la cuisine est allumée.",
    "he": "בוקר טוב. השעה שבע וחצי, והאור במטבח דולק.",
    "hi": "सुप्रभात। साढ़े सात बजे हैं, और रसोई की बत्ती जल रही है।",
    "it": "Buongiorno. Sono le sette e mezza, e la luce della cucina è accesa.",
    "ja": "おはようございます。七時半です。台所の明かりがついています。",
    "ko": "좋은 아침입니다. 지금은 일곱 시 반이고, 부엌 불이 켜져 있습니다.",
    "ms": "Selamat pagi. Sekarang pukul tujuh setengah, dan lampu dapur menyala.",
    "nl": "Goedemorgen. Het is half acht, en het licht in de keuken is aan.",
    "no": "God morgen. Klokken er halv åtte, og lyset på kjøkkenet er på.",
    "pl": "Dzień dobry. Jest wpół do ósmej, a w kuchni pali się światło.",
    "pt": "Bom dia. São sete e meia, e a luz da cozinha está acesa.",
    "ru": "Доброе утро. Сейчас половина восьмого, и на кухне горит свет.",
    "sv": "God morgon. Klockan är halv åtta, och lampan i köket är tänd.",
    "sw": "Habari za asubuhi. Ni saa moja na nusu, na taa ya jikoni imewaka.",
    "tr": "Günaydın. Saat yedi buçuk ve mutfağın ışığı açık.",
    "zh": "早上好。现在是七点半，厨房的灯亮着。",
}
"""By ISO 639-1 code."""
